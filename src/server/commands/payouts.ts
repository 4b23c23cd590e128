import { open, unlink } from "node:fs/promises";
import type { Command } from "commander";
import type { Actor } from "../../kernel/actor.js";
import { decimalText, scaleOf } from "../../kernel/money.js";
import type { App } from "../../platform/app.js";
import type { Payout } from "../../settlement/payouts/entities.js";
import type { PayoutMark } from "../../settlement/payouts/service.js";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { everyRow } from "./pages.js";
import { shellActorOf } from "./tenants.js";

interface TenantOptions extends ServerOptions {
  readonly tenant: string;
  readonly json?: boolean;
}

interface AccountOptions extends TenantOptions {
  readonly partner?: string;
  readonly payee: string;
  readonly currency: string;
  readonly holder: string;
  readonly latinName?: string;
  readonly country: string;
  readonly town?: string;
  readonly iban?: string;
  readonly accountNumber?: string;
  readonly bic?: string;
  readonly clearingSystem?: string;
  readonly clearingMember?: string;
}

interface MakeOptions extends TenantOptions {
  readonly currency: string;
  readonly out: string;
  readonly dueThrough?: string;
  readonly executeFrom?: string;
  readonly partner?: readonly string[];
}

interface MarkOptions extends TenantOptions {
  readonly amount?: string;
  readonly note?: string;
}

/** The commands about payouts, `payout …`: accounts, what is payable, files, and marks of what banks did. */
export function register(program: Command): void {
  const payout = program.command("payout").description("payouts: accounts, payment files and what banks made of them");
  registerAccount(payout);
  registerFiles(payout);
  ofTenant(payout.command("payable").description("what is released and not paid, or to be collected, by partner"))
    .requiredOption("--currency <code>", "the currency")
    .action(printPayables);
  ofTenant(payout.command("paid <id>").description("mark a payout as paid by the bank"))
    .option("--amount <amount>", "what was paid of it (default: all); the rest stays payable")
    .option("--note <text>", "the bank's reference")
    .action((id: string, options: MarkOptions) => markAtShell("markPayoutPaid", id, options));
  ofTenant(payout.command("refused <id>").description("mark a payout as not paid by the bank"))
    .option("--note <text>", "the bank's reason")
    .action((id: string, options: MarkOptions) => markAtShell("markPayoutRefused", id, options));
  ofTenant(payout.command("returned <id>").description("mark a payout as paid and given back by the bank"))
    .option("--amount <amount>", "what came back (default: all that was paid)")
    .option("--note <text>", "the bank's reason")
    .action((id: string, options: MarkOptions) => markAtShell("markPayoutReturned", id, options));
}

function registerAccount(payout: Command): void {
  ofTenant(payout.command("account").description("register a bank account and approve it, as two recorded acts"))
    .option("--partner <id>", "the partner that is paid to it (default: the tenant pays from it)")
    .option("--payee <code>", "a receiver of the configuration's payout.splits", "")
    .requiredOption("--currency <code>", "the currency that is paid to it or from it")
    .requiredOption("--holder <name>", "whose account it is")
    .option("--latin-name <name>", "the holder in Latin letters, where the name has others")
    .requiredOption("--country <code>", "country of the holder's address, two letters")
    .option("--town <name>", "town of the holder's address")
    .option("--iban <iban>", "the IBAN")
    .option("--account-number <number>", "the number, where there is no IBAN")
    .option("--bic <bic>", "the bank, by its BIC")
    .option("--clearing-system <code>", "the bank, by a clearing system, e.g. KRBOK …")
    .option("--clearing-member <code>", "… and its code in it")
    .action(setAccount);
}

function registerFiles(payout: Command): void {
  ofTenant(payout.command("make").description("make a payment file (pain.001.001.09) and claim its money"))
    .requiredOption("--currency <code>", "the currency")
    .requiredOption("--out <file>", "where to write the message; must not be there yet")
    .option("--due-through <date>", "only what is to be paid by then, YYYY-MM-DD")
    .option("--execute-from <date>", "no transfer before then (default: today in each partner's zone)")
    .option("--partner <id...>", "only these partners")
    .action(makeFile);
  ofTenant(payout.command("download <id>").description("write a payment file again, as it was made"))
    .requiredOption("--out <file>", "where to write the message; must not be there yet")
    .action(downloadFile);
  ofTenant(payout.command("void <id>").description("void a file that the bank refused as a whole"))
    .requiredOption("--reason <text>", "why")
    .action(voidFile);
  ofTenant(payout.command("list").description("the payouts of a file"))
    .requiredOption("--file <id>", "the file, as `pfl_…`")
    .action(listPayouts);
}

function ofTenant(command: Command): Command {
  return addServerOptions(command)
    .requiredOption("--tenant <id>", "the tenant")
    .option("--json", "print one JSON document");
}

async function atShell<T>(options: TenantOptions, work: (app: App, actor: Actor) => Promise<T>): Promise<T> {
  return withApp(options, async (app) => work(app, await shellActorOf(app, options.tenant)));
}

async function setAccount(options: AccountOptions): Promise<void> {
  const { partner: partnerId = null, holder: holderName, latinName = null, town = null, ...given } = options;
  const { payee, currency, country, iban, accountNumber, bic, clearingSystem, clearingMember } = given;
  const stated = { iban, accountNumber, bic, clearingSystem, clearingMember };
  const { approvePayoutAccount, registerPayoutAccount } = await import("../../settlement/payout-accounts/service.js");
  const { id, numberMasked } = await atShell(options, async (app, actor) => {
    const named = { partnerId, payee, currency, holderName, latinName, country, town };
    const registered = await registerPayoutAccount(app, actor, { ...named, ...stated });
    return approvePayoutAccount(app, actor, registered.id);
  });
  if (options.json === true) return printJson({ id });
  console.log(`Account ${id} (${numberMasked}) is in use.`);
}

async function makeFile(options: MakeOptions): Promise<void> {
  const { currency, out, dueThrough = null, executeFrom = null, partner: partnerIds = null } = options;
  const { createPayoutFile, messageOf } = await import("../../settlement/payout-files/service.js");
  const order = { currency, dueThrough, executeFrom, partnerIds };
  const file = await intoFile(out, (write) =>
    atShell(options, async (app, actor) => {
      const made = await createPayoutFile(app, actor, order);
      await write(await messageOf(app, made));
      return made;
    }),
  );
  const { id, transfers, totalMinor, sha256 } = file;
  const [total, hash] = [decimalText(totalMinor, scaleOf(currency)), sha256.toString("hex")];
  if (options.json === true) return printJson({ id, transfers, total, currency, sha256: hash });
  console.log(`File ${id}: ${transfers} transfers, ${total} ${currency}, SHA-256 ${hash}.`);
}

async function downloadFile(id: string, options: TenantOptions & { readonly out: string }): Promise<void> {
  const { messageOf, payoutFileOf } = await import("../../settlement/payout-files/service.js");
  await intoFile(options.out, (write) =>
    atShell(options, async (app, actor) => write(await messageOf(app, await payoutFileOf(app, actor, id)))),
  );
  if (options.json === true) return printJson({ id });
  console.log(`File ${id} is in ${options.out}.`);
}

/**
 * Opens a new file before anything is claimed, for its owner's eyes: a message names accounts. What is there already is
 * never written over, and where the work is refused nothing is left.
 */
async function intoFile<T>(out: string, work: (write: (message: string) => Promise<void>) => Promise<T>): Promise<T> {
  const file = await open(out, "wx", 0o600);
  try {
    return await work((message) => file.writeFile(message));
  } catch (error) {
    await unlink(out);
    throw error;
  } finally {
    await file.close();
  }
}

async function voidFile(id: string, options: TenantOptions & { readonly reason: string }): Promise<void> {
  const { voidPayoutFile } = await import("../../settlement/payout-files/service.js");
  const { reason } = options;
  const { state } = await atShell(options, (app, actor) => {
    return voidPayoutFile(app, actor, { payoutFileId: id, reason });
  });
  if (options.json === true) return printJson({ id, state });
  console.log(`File ${id} is ${state}; its money may be exported again.`);
}

async function listPayouts(options: TenantOptions & { readonly file: string }): Promise<void> {
  const { payoutsOf } = await import("../../settlement/payouts/service.js");
  const { payoutFileOf } = await import("../../settlement/payout-files/service.js");
  const filter = { partner: null, fileId: options.file, statementId: null, state: null, endToEndId: null };
  const payouts = await atShell(options, async (app, actor) => {
    await payoutFileOf(app, actor, options.file); // a file that is none is refused, not without payouts
    return everyRow("payouts", (request) => payoutsOf(app, actor, filter, request));
  });
  const rows = payouts.map(rowOf);
  if (options.json === true) return printJson(rows);
  for (const { id, state, endToEndId, amount, currency } of rows) {
    console.log(`${id}  ${state.padEnd(11)}  ${endToEndId}  ${amount.padStart(18)} ${currency}`);
  }
}

async function printPayables(options: TenantOptions & { readonly currency: string }): Promise<void> {
  const { currency } = options;
  const { payablesOf } = await import("../../settlement/payables/service.js");
  const rows = await atShell(options, (app, actor) => {
    return everyRow("payables", (request) => payablesOf(app, actor, currency, request));
  });
  const text = (minor: bigint) => decimalText(minor, scaleOf(currency));
  const payables = rows.map(({ partner, owedMinor, exportedMinor, readyMinor, payeesWithoutAccount }) => ({
    ...{ partnerId: partner.id, code: partner.code, currency, owed: text(owedMinor), exported: text(exportedMinor) },
    ...{ ready: text(readyMinor), payeesWithoutAccount },
  }));
  if (options.json === true) return printJson(payables);
  for (const { partnerId, owed, exported, ready, payeesWithoutAccount } of payables) {
    const missing = payeesWithoutAccount.map((payee) => `; no account for ${payee === "" ? "the partner" : payee}`);
    console.log(`${partnerId}  owed ${owed}, exported ${exported}, ready ${ready} ${currency}${missing.join("")}`);
  }
}

type Marks = typeof import("../../settlement/payouts/service.js");

async function markAtShell(
  operation: "markPayoutPaid" | "markPayoutRefused" | "markPayoutReturned",
  payoutId: string,
  options: MarkOptions,
): Promise<void> {
  const marks: Marks = await import("../../settlement/payouts/service.js");
  const mark: PayoutMark = { payoutId, amount: options.amount ?? null, note: options.note ?? null };
  const row = rowOf(await atShell(options, (app, actor) => marks[operation](app, actor, mark)));
  if (options.json === true) return printJson(row);
  console.log(`Payout ${row.id} is ${row.state}: paid ${row.paid}, returned ${row.returned} ${row.currency}.`);
}

function rowOf({ id, partnerId, statementId, state, endToEndId, currency, executeOn, ...payout }: Payout) {
  const text = (minor: bigint) => decimalText(minor, scaleOf(currency));
  const { amountMinor, paidMinor, returnedMinor } = payout;
  const amounts = { amount: text(amountMinor), paid: text(paidMinor), returned: text(returnedMinor) };
  return { id, partnerId, statementId, state, endToEndId, executeOn, currency, ...amounts };
}

import type { Command } from "commander";
import type { Actor } from "../../kernel/actor.js";
import { decimalText, scaleOf } from "../../kernel/money.js";
import type { App } from "../../platform/app.js";
import type { Collection } from "../../settlement/collections/entities.js";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { everyRow } from "./pages.js";
import { shellActorOf } from "./tenants.js";

interface TenantOptions extends ServerOptions {
  readonly tenant: string;
  readonly json?: boolean;
}

interface OwedOptions extends TenantOptions {
  readonly currency: string;
  readonly partner?: string;
}

interface RecordOptions extends TenantOptions {
  readonly partner: string;
  readonly currency: string;
  readonly amount: string;
  readonly reference: string;
  readonly valueOn: string;
}

interface ReturnOptions extends TenantOptions {
  readonly amount?: string;
  readonly reason: string;
}

/** The commands about what partners owe and pay, `collection …`. */
export function register(program: Command): void {
  const collection = program.command("collection").description("what partners owe, and what they paid");
  ofTenant(collection.command("owed").description("what is to be collected, by partner and statement"))
    .requiredOption("--currency <code>", "the currency")
    .option("--partner <id>", "only that partner")
    .action(printOwed);
  ofTenant(collection.command("record").description("record and book that a partner paid, as two recorded acts"))
    .requiredOption("--partner <id>", "who paid")
    .requiredOption("--currency <code>", "in what")
    .requiredOption("--amount <amount>", "how much; what is over stays to the partner's credit")
    .requiredOption("--reference <text>", "the bank's own reference of the credit")
    .requiredOption("--value-on <date>", "the bank's value date, YYYY-MM-DD")
    .action(record);
  ofTenant(collection.command("returned <id>").description("mark what a partner paid as gone back"))
    .option("--amount <amount>", "what went back (default: all of it)")
    .requiredOption("--reason <text>", "why, such as the bank's code")
    .action(markReturned);
  ofTenant(collection.command("list").description("what partners paid, in the order of recording"))
    .option("--partner <id>", "only that partner")
    .action(printCollections);
}

function ofTenant(command: Command): Command {
  return addServerOptions(command)
    .requiredOption("--tenant <id>", "the tenant")
    .option("--json", "print one JSON document");
}

async function atShell<T>(options: TenantOptions, work: (app: App, actor: Actor) => Promise<T>): Promise<T> {
  return withApp(options, async (app) => work(app, await shellActorOf(app, options.tenant)));
}

async function printOwed(options: OwedOptions): Promise<void> {
  const { currency, partner: partnerId } = options;
  const { receivablesOf } = await import("../../settlement/receivables/service.js");
  const rows = await atShell(options, async (app, actor) => {
    const partner = await namedPartner(app, actor, partnerId);
    return everyRow("receivables", (request) => receivablesOf(app, actor, { partner, currency }, request));
  });
  const text = (minor: bigint) => decimalText(minor, scaleOf(currency));
  const receivables = rows.map(({ partner: { id, code }, dueMinor, awaitingMinor, open }) => ({
    ...{ partnerId: id, code, currency, due: text(dueMinor), awaitingApproval: text(awaitingMinor) },
    statements: open.map(({ leftMinor, statementId, paymentDueOn }) => {
      return { statementId, left: text(leftMinor), paymentDueOn };
    }),
  }));
  if (options.json === true) return printJson(receivables);
  for (const { partnerId: id, due, awaitingApproval, statements } of receivables) {
    console.log(`${id}  due ${due} ${currency}; recorded and not approved yet: ${awaitingApproval}`);
    for (const { statementId, left, paymentDueOn } of statements) {
      console.log(`  ${statementId}  ${left.padStart(18)}${paymentDueOn === null ? "" : `  by ${paymentDueOn}`}`);
    }
  }
}

async function record(options: RecordOptions): Promise<void> {
  const { partner: partnerId, currency, amount, reference: bankReference, valueOn } = options;
  const { approveCollection, recordCollection } = await import("../../settlement/collections/service.js");
  const collection = await atShell(options, async (app, actor) => {
    const { id } = await recordCollection(app, actor, { partnerId, currency, amount, bankReference, valueOn });
    return approveCollection(app, actor, id);
  });
  printCollection(collection, options);
}

async function markReturned(collectionId: string, options: ReturnOptions): Promise<void> {
  const { amount = null, reason } = options;
  const { markCollectionReturned } = await import("../../settlement/collections/service.js");
  const returned = { collectionId, amount, reason };
  printCollection(await atShell(options, (app, actor) => markCollectionReturned(app, actor, returned)), options);
}

async function printCollections(options: TenantOptions & { readonly partner?: string }): Promise<void> {
  const { collectionsOf } = await import("../../settlement/collections/service.js");
  const found = await atShell(options, async (app, actor) => {
    const partner = await namedPartner(app, actor, options.partner);
    const filter = { partner, currency: null, state: null, bankReference: null };
    return everyRow("collections", (request) => collectionsOf(app, actor, filter, request));
  });
  if (options.json === true) return printJson(found.map(rowOf));
  for (const { id, state, valueOn, amount, returned, currency, bankReference } of found.map(rowOf)) {
    console.log(`${id}  ${state.padEnd(16)}  ${valueOn}  ${amount}, back ${returned} ${currency}  ${bankReference}`);
  }
}

async function namedPartner(app: App, actor: Actor, id: string | undefined) {
  const { partnerOf } = await import("../../tenancy/service.js");
  return id === undefined ? null : partnerOf(app, actor, id);
}

function printCollection(collection: Collection, { json }: TenantOptions): void {
  const row = rowOf(collection);
  if (json === true) printJson(row);
  else console.log(`Collection ${row.id} is ${row.state}: ${row.amount}, back ${row.returned} ${row.currency}.`);
}

function rowOf({ id, partnerId, state, currency, bankReference, valueOn, ...collection }: Collection) {
  const text = (minor: bigint) => decimalText(minor, scaleOf(currency));
  const { amountMinor, returnedMinor } = collection;
  const amounts = { amount: text(amountMinor), returned: text(returnedMinor) };
  return { id, partnerId, state, bankReference, valueOn, currency, ...amounts };
}

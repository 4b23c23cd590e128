import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { systemClock } from "../../kernel/clock.js";
import { decimalText, scaleOf } from "../../kernel/money.js";
import { parseStrictJson } from "../../kernel/strict-json.js";
import { balancesOf } from "../../ledger/service.js";
import { activateConfiguration, draftConfiguration } from "../../settlement/configurations/service.js";
import { MidPeriod } from "../../settlement/entities.js";
import type { Format, Language } from "../../settlement/renditions/entities.js";
import { renderOwn } from "../../settlement/renditions/service.js";
import { type SettledRow, settle } from "../../settlement/runs/service.js";
import { documentOf, statementJwsForAllTenants } from "../../settlement/statements/service.js";
import { partnerOf } from "../../tenancy/service.js";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { instantOf } from "./arguments.js";
import { formatOption, languageOption, writeRendition } from "./renditions.js";
import { shellActorOf } from "./tenants.js";

interface PartnerOfTenant extends ServerOptions {
  readonly tenant: string;
  readonly partner: string;
  readonly json?: boolean;
}

interface ActivateOptions extends PartnerOfTenant {
  readonly file: string;
  readonly effectiveFrom: Date;
  readonly split?: boolean;
}

interface SettleOptions extends PartnerOfTenant {
  readonly through?: Date;
}

interface StatementOptions extends ServerOptions {
  readonly jws?: boolean;
  readonly format?: Format;
  readonly lang: Language;
  readonly out?: string;
  readonly json?: boolean;
}

/** The commands that settle from the shell: `config activate`, `settle`, `statement`, `balance`. */
export function register(program: Command): void {
  const config = program.command("config").description("configurations: how partners are settled");
  ofPartner(config.command("activate").description("draft a version and put it in force, as two recorded acts"))
    .requiredOption("--file <file>", "the document (schema/configuration.schema.json)")
    .requiredOption("--effective-from <instant>", "first instant it is in force, RFC 3339", instantOf)
    .option("--split", "end the period that holds the instant there, instead of beginning with the next one")
    .action(activateAtShell);
  ofPartner(program.command("settle").description("close the open periods that are due, and list every statement"))
    .option("--through <instant>", "only periods that end by then, RFC 3339 (default: now)", instantOf)
    .action(settleAtShell);
  addServerOptions(program.command("statement").description("print a statement, or write it as CSV, XLSX or PDF"))
    .argument("<id>", "the statement, as `stm_…`")
    .option("--jws", "the signed document, as `verify statement` reads it")
    .addOption(new Option("--json", "the document as JSON").conflicts("jws"))
    .addOption(formatOption().conflicts("jws"))
    .addOption(languageOption())
    .option("--out <file>", "where the file of that format is written")
    .action(showStatement);
  ofPartner(program.command("balance").description("print a partner's balances")).action(printBalances);
}

function ofPartner(command: Command): Command {
  return addServerOptions(command)
    .requiredOption("--tenant <id>", "the tenant")
    .requiredOption("--partner <id>", "the partner")
    .option("--json", "print one JSON document");
}

async function activateAtShell(options: ActivateOptions): Promise<void> {
  const { json, tenant, partner: partnerId, file, effectiveFrom, split, ...server } = options;
  const midPeriod = split === true ? MidPeriod.SPLIT : MidPeriod.NEXT_PERIOD;
  const document = parseStrictJson(await readFile(file, "utf8"));
  const { id, version } = await withApp(server, async (app) => {
    const actor = await shellActorOf(app, tenant);
    const draft = await draftConfiguration(app, actor, { partnerId, document });
    return activateConfiguration(app, actor, { configurationId: draft.id, effectiveFrom, midPeriod });
  });
  if (json === true) return printJson({ id, version });
  console.log(`Configuration ${id}, version ${version}, is in force from ${effectiveFrom.toISOString()} on.`);
}

async function settleAtShell(options: SettleOptions): Promise<void> {
  const { json, tenant, partner: partnerId, through = systemClock.now(), ...server } = options;
  const rows = await withApp(server, async (app) => {
    return settle(app, await shellActorOf(app, tenant), { partnerId, through });
  });
  if (json === true) return printJson(rows);
  for (const row of rows) console.log(sentenceOf(row));
  console.log(`${rows.length} statements.`);
}

function sentenceOf({ start, end, statementId, base, earned, payable, currency }: SettledRow): string {
  return `${start} – ${end}  ${statementId}  base ${base}, earned ${earned}, payable ${payable} ${currency}`;
}

async function showStatement(id: string, options: StatementOptions, command: Command): Promise<void> {
  const { format, lang: language, out, json, jws: _, ...server } = options;
  if ((format === undefined) !== (out === undefined)) command.error("error: --format and --out go together");
  if (format === undefined || out === undefined) return printStatement(id, options);
  const rendition = await withApp(server, async (app) => {
    return renderOwn(app, await statementJwsForAllTenants(app, id), { format, language });
  });
  await writeRendition(rendition, out, json === true);
}

async function printStatement(id: string, { jws: isJwsWanted, json, ...server }: StatementOptions): Promise<void> {
  const jws = await withApp(server, (app) => statementJwsForAllTenants(app, id));
  if (isJwsWanted === true) return console.log(jws);
  const document = documentOf({ jws });
  if (json === true) return printJson(document);
  const { period, currency, lines } = document;
  console.log(`Statement ${id} for ${period.start} – ${period.end} (${period.timezone}), in ${currency}`);
  for (const { description, scope, formula, result, amount } of lines) {
    const what = scope === "" ? description : `${description} (${scope})`;
    console.log(`${(amount ?? result).padStart(24)}  ${what}: ${formula}`);
  }
}

async function printBalances({ json, tenant, partner: partnerId, ...server }: PartnerOfTenant): Promise<void> {
  const { version, accounts } = await withApp(server, async (app) => {
    return balancesOf(app, await partnerOf(app, await shellActorOf(app, tenant), partnerId), null);
  });
  const balances = accounts.map(({ account, currency, balanceMinor }) => {
    return { account, currency, amount: decimalText(balanceMinor, scaleOf(currency)) };
  });
  if (json === true) return printJson({ version: version.toString(), balances });
  for (const { account, currency, amount } of balances) {
    console.log(`${account.padEnd(20)}${amount.padStart(24)} ${currency}`);
  }
}

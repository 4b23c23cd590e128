import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { parseStrictJson } from "../../kernel/strict-json.js";
import type { SimulateInput } from "../../settlement/simulations/service.js";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { instantOf } from "./arguments.js";
import { shellActorOf } from "./tenants.js";

interface SimulateOptions extends ServerOptions {
  readonly tenant: string;
  readonly partner?: readonly string[];
  readonly period?: string;
  readonly from?: Date;
  readonly through?: Date;
  readonly file?: string;
  readonly configuration?: string;
  readonly json?: boolean;
}

/** The command `simulate`: what settled periods would have come to under a draft. */
export function register(program: Command): void {
  addServerOptions(
    program.command("simulate").description("replay settled periods under a draft, without changing anything of them"),
  )
    .requiredOption("--tenant <id>", "the tenant")
    .option("--period <id>", "one settled period")
    .option("--from <instant>", "periods that start at or after it, RFC 3339", instantOf)
    .option("--through <instant>", "periods that end by it, RFC 3339", instantOf)
    .option("--partner <id...>", "whose periods (default: all partners')")
    .addOption(new Option("--file <file>", "the draft, as a document").conflicts("configuration"))
    .option("--configuration <id>", "the draft, as a version; with neither, each period by its own version")
    .option("--json", "print one JSON document")
    .action(simulate);
}

async function simulate(options: SimulateOptions): Promise<void> {
  const { tenant, json, ...wanted } = options;
  const document = wanted.file === undefined ? null : parseStrictJson(await readFile(wanted.file, "utf8"));
  const { partner: partnerIds = null, period: periodId = null, configuration: configurationId = null } = wanted;
  const { from = null, through = null } = wanted;
  const input: SimulateInput = { partnerIds, periodId, configurationId, document, from, through };
  const { simulateToEnd } = await import("../../settlement/simulations/service.js");
  const result = await withApp(wanted, async (app) => simulateToEnd(app, await shellActorOf(app, tenant), input));
  if (json === true) return printJson(result);
  for (const { partnerId, currency, earned, payable } of result.partners) {
    console.log(`${partnerId}  earned ${earned.before} → ${earned.after} (${earned.delta}) ${currency}`);
    console.log(`${" ".repeat(partnerId.length)}  payable ${payable.before} → ${payable.after} (${payable.delta})`);
  }
  for (const { partnerId, code, message } of result.refusals) console.log(`${partnerId}  ${code}: ${message}`);
  console.log(`${result.periods} periods, simulation ${result.id}.`);
}

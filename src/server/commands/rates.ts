import { type Command, InvalidArgumentError, Option } from "commander";
import type { Actor } from "../../kernel/actor.js";
import { instantText } from "../../kernel/clock.js";
import type { App } from "../../platform/app.js";
import { RATE_TYPES, type StoredRate } from "../../settlement/rates/entities.js";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { codeOf, instantOf } from "./arguments.js";
import { everyRow } from "./pages.js";
import { shellActorOf } from "./tenants.js";

interface RateOptions extends ServerOptions {
  readonly tenant: string;
  readonly json?: boolean;
}

interface EnterOptions extends RateOptions {
  readonly base: string;
  readonly quote: string;
  readonly type: StoredRate["type"];
  readonly source: string;
  readonly asOf: Date;
  readonly rate: string;
}

interface ListOptions extends RateOptions {
  readonly base?: string;
  readonly quote?: string;
}

/** The commands about exchange rates, `rate …`. */
export function register(program: Command): void {
  const rate = program.command("rate").description("exchange rates that periods are converted by");
  ofTenant(rate.command("enter").description("enter a rate and let it stand, as two recorded acts"))
    .requiredOption("--base <code>", "what is converted")
    .requiredOption("--quote <code>", "what it becomes")
    .addOption(new Option("--type <type>", "how it came about").choices(RATE_TYPES).makeOptionMandatory())
    .requiredOption("--source <code>", "who says so, as configurations name it", codeOf)
    .requiredOption("--as-of <instant>", "the instant it is of, RFC 3339", instantOf)
    .requiredOption("--rate <decimal>", "units of quote for one of base", decimalOf)
    .action(enter);
  ofTenant(rate.command("list").description("every rate that was entered, in that order"))
    .option("--base <code>", "only of this currency")
    .option("--quote <code>", "only into this currency")
    .action(print);
}

function ofTenant(command: Command): Command {
  return addServerOptions(command)
    .requiredOption("--tenant <id>", "the tenant")
    .option("--json", "print one JSON document");
}

async function atShell<T>(options: RateOptions, work: (app: App, actor: Actor) => Promise<T>): Promise<T> {
  return withApp(options, async (app) => work(app, await shellActorOf(app, options.tenant)));
}

async function enter(options: EnterOptions): Promise<void> {
  const { base, quote, type, source, asOf, rate } = options;
  const { approveExchangeRate, enterExchangeRate } = await import("../../settlement/rates/service.js");
  const stored = await atShell(options, async (app, actor) => {
    const { id } = await enterExchangeRate(app, actor, { base, quote, type, source, asOf, rate });
    return approveExchangeRate(app, actor, id);
  });
  if (options.json === true) printJson(rowOf(stored));
  else console.log(sentenceOf(stored));
}

async function print(options: ListOptions): Promise<void> {
  const { base = null, quote = null } = options;
  const { exchangeRatesOf } = await import("../../settlement/rates/service.js");
  const found = await atShell(options, async (app, actor) => {
    const filter = { base, quote, state: null };
    return everyRow("rates", (request) => exchangeRatesOf(app, actor, filter, request));
  });
  if (options.json === true) return printJson(found.map(rowOf));
  for (const each of found) console.log(sentenceOf(each));
}

function rowOf({ id, state, base, quote, type, source, asOf, rate, usedAt }: StoredRate) {
  return { ...{ id, state, base, quote, type, source, asOf: instantText(asOf), rate }, isUsed: usedAt !== null };
}

function sentenceOf(stored: StoredRate): string {
  const { id, state, base, quote, type, source, asOf, rate, isUsed } = rowOf(stored);
  const words = `1 ${base} = ${rate} ${quote}  ${type} of ${source}, ${asOf}${isUsed ? ", used" : ""}`;
  return `${id}  ${state.padEnd(16)}  ${words}`;
}

function decimalOf(text: string): string {
  if (/^(?:0|[1-9]\d{0,11})(?:\.\d{1,18})?$/.test(text)) return text;
  throw new InvalidArgumentError("A rate is a positive decimal of up to 12 + 18 digits.");
}

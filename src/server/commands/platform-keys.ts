import { type Command, InvalidArgumentError, Option } from "commander";
import type { Actor } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { shellActorOf } from "./tenants.js";

interface OwnerOptions extends ServerOptions {
  readonly tenant?: string;
  readonly installation?: boolean;
  readonly json?: boolean;
}

interface RotateOptions extends OwnerOptions {
  readonly now?: boolean;
  readonly compromisedSince?: Date;
  readonly kid?: string;
  readonly reason?: string;
}

/** The commands about the platform's own keys: `platform-key …`, `master-key rewrap`. Each loads only what it runs. */
export function register(program: Command): void {
  const key = program.command("platform-key").description("the keys with which the platform signs");
  const onOwner = (name: string, description: string) =>
    addServerOptions(key.command(name).description(description))
      .option("--tenant <id>", "of this tenant: receipts, statements, checkpoints")
      .addOption(new Option("--installation", "of the installation instead: access tokens").conflicts("tenant"))
      .option("--json", "print one JSON document");
  onOwner("list", "list the signing keys, newest first").action(listKeys);
  onOwner("rotate", "make the next signing key; it signs an hour after it is published")
    .option("--now", "it signs at once")
    .option(
      "--compromised-since <instant>",
      "since when others may have the key before; the next one signs at once",
      instantOf,
    )
    .option("--kid <kid>", "which key that is (default: the one that signs)")
    .option("--reason <text>", "why it is held to be compromised")
    .action(rotateKey);
  addServerOptions(program.command("master-key").description("the key that wraps tenants' data keys").command("rewrap"))
    .description("wrap every data key under the current master key")
    .option("--json", "print one JSON document")
    .action(rewrapKeys);
}

async function listKeys(options: OwnerOptions, command: Command): Promise<void> {
  const { signingKeysOf } = await import("../../identity/platform-rotation/service.js");
  const keys = await asOwner(options, command, (app, { tenantId }) => signingKeysOf(app, tenantId));
  const rows = keys.map(({ id, kid, signsFrom, retiredAt, compromisedAt }) => ({
    ...{ id, kid, signsFrom, retiredAt, compromisedAt },
  }));
  if (options.json === true) return printJson(rows);
  for (const { kid, signsFrom, retiredAt, compromisedAt } of rows) {
    const end =
      compromisedAt === null ? (retiredAt?.toISOString() ?? "") : `compromised ${compromisedAt.toISOString()}`;
    console.log(`${kid}  ${signsFrom?.toISOString() ?? ""} – ${end}`);
  }
}

async function rotateKey(options: RotateOptions, command: Command): Promise<void> {
  const { now: isAtOnce = false, compromisedSince: since, kid = null, reason = "" } = options;
  if (since !== undefined && reason.trim() === "") command.error("error: say why with --reason");
  const compromise = since === undefined ? null : { kid, since, reason };
  const { rotatePlatformKey } = await import("../../identity/platform-rotation/service.js");
  const next = await asOwner(options, command, (app, actor) => rotatePlatformKey(app, actor, { isAtOnce, compromise }));
  if (options.json === true) return printJson(next);
  console.log(`Key ${next.kid} signs from ${next.signsFrom.toISOString()} on.`);
}

async function rewrapKeys({ json, ...server }: ServerOptions & { readonly json?: boolean }): Promise<void> {
  const { rewrapDataKeysForAllTenants } = await import("../../tenancy/vaults/service.js");
  const { wrapped, masterKey } = await withApp(server, async (app) => {
    let wrapped = 0;
    for (let more = 1; more > 0; wrapped += more) more = await rewrapDataKeysForAllTenants(app);
    return { wrapped, masterKey: app.masterKeys.current };
  });
  if (json === true) return printJson({ wrapped, masterKey });
  console.log(`${wrapped} data keys were wrapped anew; all are under the master key ${masterKey}.`);
}

async function asOwner<T>(
  { json: _, tenant, installation, ...rest }: OwnerOptions,
  command: Command,
  work: (app: App, actor: Actor) => Promise<T>,
): Promise<T> {
  if (tenant === undefined && installation !== true) {
    command.error("error: name the tenant with --tenant, or say --installation");
  }
  const { ensurePlatformTenant } = await import("../../tenancy/service.js");
  const { dataDir, databaseUrl, redisUrl } = rest;
  const server = Object.fromEntries(
    Object.entries({ dataDir, databaseUrl, redisUrl }).filter(([, value]) => value !== undefined),
  );
  return withApp(server, async (app) => {
    return work(app, await shellActorOf(app, tenant ?? (await ensurePlatformTenant(app)).id));
  });
}

function instantOf(text: string): Date {
  const instant = new Date(text);
  if (Number.isNaN(instant.getTime())) throw new InvalidArgumentError("An instant is like 2026-03-01T00:00:00Z.");
  return instant;
}

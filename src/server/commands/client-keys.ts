import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { ClientKey, KeyPurpose, KeyState } from "../../identity/entities.js";
import type { RevocationCause } from "../../identity/key-revocations/entities.js";
import type { Actor } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { publicKeysIn } from "./key-files.js";
import { everyRow } from "./pages.js";
import { shellActorOf } from "./tenants.js";

interface TenantOptions extends ServerOptions {
  readonly tenant: string;
  readonly json?: boolean;
}

interface RegisterOptions extends TenantOptions {
  readonly client: string;
  readonly jwk: string;
  readonly purpose?: KeyPurpose[];
  readonly proof?: string[];
  readonly notBefore?: Date;
  readonly expiresAt?: Date;
}

interface NamedOptions extends TenantOptions {
  readonly key?: string;
  readonly kid?: string;
}

interface ChangeOptions extends NamedOptions {
  readonly reason: string;
}

interface RotateOptions extends NamedOptions {
  readonly jwk: string;
  readonly proof?: string[];
  readonly overlapHours: number;
}

interface RevokeOptions extends ChangeOptions {
  readonly compromisedSince?: Date;
}

interface RevokeAllOptions extends TenantOptions {
  readonly client?: string;
  readonly partner?: string;
  readonly wholeTenant?: boolean;
  readonly reason: string;
  readonly compromisedSince?: Date;
}

interface ListOptions extends TenantOptions {
  readonly client?: string;
  readonly state?: KeyState;
}

interface ChallengeOptions extends TenantOptions {
  readonly jwk: string;
  readonly purpose?: KeyPurpose[];
  readonly client?: string;
  readonly partner?: string;
}

/** As `KeyPurpose` and `KeyState` list them, which load too much for a command line. */
const PURPOSES: readonly `${KeyPurpose}`[] = ["CLIENT_AUTHENTICATION", "BATCH_SIGNING", "ENCRYPTION"];
const STATES: readonly `${KeyState}`[] = ["PENDING_APPROVAL", "ACTIVE", "SUSPENDED", "EXPIRED", "REVOKED"];

const HOUR_SECONDS = 3_600;
const JWK_HELP = "a public JWK, a JWK Set, a PEM, or what `keygen --json` printed";

/** The commands about clients' public keys: `key …`. Each loads only what it runs. */
export function register(program: Command): void {
  const key = program.command("key").description("clients' public keys");
  const onTenant = (name: string, description: string) =>
    addServerOptions(key.command(name).description(description))
      .requiredOption("--tenant <id>", "the tenant")
      .option("--json", "print one JSON document");
  const onKey = (name: string, description: string) =>
    onTenant(name, description)
      .option("--key <id>", "the key, as `key_…`")
      .addOption(new Option("--kid <kid>", "the key by its kid instead, as `keygen` printed it").conflicts("key"));
  const purpose = () => new Option("--purpose <purposes...>", "what they are for; else as they say").choices(PURPOSES);
  const since = () => new Option("--compromised-since <instant>", "since when others may have it").argParser(instantOf);

  onTenant("register", "register more public keys for a client")
    .requiredOption("--client <id>", "the client")
    .requiredOption("--jwk <file>", JWK_HELP)
    .addOption(purpose())
    .option("--proof <files...>", "what `prove` printed for each key; without, you vouch for them")
    .option("--not-before <instant>", "refused before this instant", instantOf)
    .option("--expires-at <instant>", "refused from this instant on", instantOf)
    .action(registerAtShell);
  onKey("rotate", "register a key that takes another's place")
    .requiredOption("--jwk <file>", JWK_HELP)
    .option("--proof <files...>", "what `prove` printed; without, you vouch for it")
    .option("--overlap-hours <hours>", "how long the old key stays good", Number, 168)
    .action(rotateAtShell);
  onTenant("list", "list keys, with their last use")
    .option("--client <id>", "only those of this client")
    .addOption(new Option("--state <state>", "only those in this state").choices(STATES))
    .action(listAtShell);
  onKey("approve", "approve a key that was registered through the API").action(approveAtShell);
  onKey("suspend", "refuse a key until it is resumed").requiredOption("--reason <text>", "why").action(suspendAtShell);
  onKey("resume", "put a suspended key to use again").requiredOption("--reason <text>", "why").action(resumeAtShell);
  onKey("expire", "set the end of a key")
    .requiredOption("--at <instant>", "refused from this instant on", instantOf)
    .action(expireAtShell);
  onKey("revoke", "revoke a key at once")
    .requiredOption("--reason <text>", "why, for the audit record")
    .addOption(since())
    .action(revokeAtShell);
  onTenant("revoke-all", "revoke every key of a client, a partner or the tenant at once")
    .option("--client <id>", "of this client")
    .option("--partner <id>", "of this partner")
    .option("--whole-tenant", "of the tenant and all its partners")
    .requiredOption("--reason <text>", "why, for the audit record")
    .addOption(since())
    .action(revokeAllAtShell);
  onTenant("challenge", "print what proves that somebody holds private keys")
    .requiredOption("--jwk <file>", JWK_HELP)
    .addOption(purpose())
    .option("--client <id>", "the client that gets them")
    .option("--partner <id>", "the partner whose client is to be created")
    .action(challengeAtShell);
}

async function registerAtShell(options: RegisterOptions): Promise<void> {
  const { json, tenant, client: clientId, jwk, purpose: purposes = null, proof, ...rest } = options;
  const { notBefore = null, expiresAt = null, ...server } = rest;
  const { registerKeys } = await import("../../identity/registrations/service.js");
  const input = {
    clientId,
    jwk: await publicKeysIn(jwk),
    purposes,
    proofs: await proofsIn(proof),
    notBefore,
    expiresAt,
  };
  const keys = await withApp(server, async (app) => registerKeys(app, await shellActorOf(app, tenant), input));
  const [first] = keys;
  if (json === true)
    return printJson({ id: first?.id, kid: first?.kid, keys: keys.map(({ id, kid }) => ({ id, kid })) });
  for (const { id, kid } of keys) console.log(`Key ${id} (kid ${kid}).`);
}

async function rotateAtShell(options: RotateOptions, command: Command): Promise<void> {
  const { jwk, proof, overlapHours } = options;
  const { rotateKey } = await import("../../identity/registrations/service.js");
  const input = { jwk: await publicKeysIn(jwk), proofs: await proofsIn(proof) };
  await changeAtShell(options, command, (app, actor, keyId) =>
    rotateKey(app, actor, { ...input, keyId, overlapSeconds: Math.round(overlapHours * HOUR_SECONDS) }),
  );
}

async function listAtShell(options: ListOptions): Promise<void> {
  const { json, tenant, client, state, ...server } = options;
  const { keysOf } = await import("../../identity/keys/service.js");
  const keys = await withApp(server, async (app) => {
    const actor = await shellActorOf(app, tenant);
    const filter = { clientId: client ?? null, state: state ?? null };
    return everyRow("keys", (request) => keysOf(app, actor, filter, request));
  });
  if (json === true) return printJson(keys.map(summaryOf));
  for (const key of keys) {
    const used = key.lastUsedAt === null ? "never used" : `used ${key.lastUsedAt.toISOString()}`;
    console.log(`${key.id}  ${key.state}  ${key.clientId}  ${key.purposes.join("+")}  ${used}  ${key.kid}`);
  }
}

async function approveAtShell(options: NamedOptions, command: Command): Promise<void> {
  const { approveKey } = await import("../../identity/approvals/service.js");
  await changeAtShell(options, command, approveKey);
}

async function suspendAtShell(options: ChangeOptions, command: Command): Promise<void> {
  const { suspendKey } = await import("../../identity/key-states/service.js");
  const { reason } = options;
  await changeAtShell(options, command, (app, actor, keyId) => suspendKey(app, actor, { keyId, reason }));
}

async function resumeAtShell(options: ChangeOptions, command: Command): Promise<void> {
  const { resumeKey } = await import("../../identity/key-states/service.js");
  const { reason } = options;
  await changeAtShell(options, command, (app, actor, keyId) => resumeKey(app, actor, { keyId, reason }));
}

async function expireAtShell(options: NamedOptions & { readonly at: Date }, command: Command): Promise<void> {
  const { expireKey } = await import("../../identity/key-states/service.js");
  const { at: expiresAt } = options;
  await changeAtShell(options, command, (app, actor, keyId) => expireKey(app, actor, { keyId, expiresAt }));
}

async function revokeAtShell(options: RevokeOptions, command: Command): Promise<void> {
  const { revokeKey } = await import("../../identity/key-revocations/service.js");
  const cause = await causeOf(options);
  await changeAtShell(options, command, (app, actor, keyId) => revokeKey(app, actor, { keyId, ...cause }));
}

async function revokeAllAtShell(options: RevokeAllOptions, command: Command): Promise<void> {
  const { json, tenant, client: clientId = null, partner: partnerId = null, wholeTenant = false, ...rest } = options;
  const { reason: _, compromisedSince: __, ...server } = rest;
  const said = [clientId !== null, partnerId !== null, wholeTenant].filter(Boolean).length;
  if (said !== 1) command.error("error: say one of --client, --partner and --whole-tenant");
  const { revokeAllKeys } = await import("../../identity/key-revocations/service.js");
  const emergency = { clientId, partnerId, isWholeTenant: wholeTenant, ...(await causeOf(options)) };
  const { id, keyCount } = await withApp(server, async (app) =>
    revokeAllKeys(app, await shellActorOf(app, tenant), emergency),
  );
  if (json === true) return printJson({ id, keyCount });
  console.log(`${keyCount} keys are REVOKED (${id}).`);
}

async function challengeAtShell(options: ChallengeOptions): Promise<void> {
  const {
    json: _,
    tenant,
    jwk,
    purpose = null,
    client: clientId = null,
    partner: partnerId = null,
    ...server
  } = options;
  const { challengeKeys } = await import("../../identity/key-proofs/service.js");
  const { readKeys } = await import("../../identity/key-reading/service.js");
  const keys = readKeys(await publicKeysIn(jwk), purpose);
  const challenges = await withApp(server, async (app) =>
    challengeKeys(app, await shellActorOf(app, tenant), { clientId, partnerId }, keys),
  );
  printJson(challenges);
}

/** Names a key by id or kid, does something with it and says how it stands then. */
async function changeAtShell(
  { json, tenant, key, kid: name = "", ...server }: NamedOptions,
  command: Command,
  change: (app: App, actor: Actor, keyId: string) => Promise<ClientKey>,
): Promise<void> {
  if (key === undefined && name === "") command.error("error: name the key with --key or --kid");
  const { signingKey } = await import("../../identity/keys/service.js");
  const changed = await withApp(server, async (app) => {
    const actor = await shellActorOf(app, tenant);
    return change(app, actor, key ?? (await signingKey(app, tenant, name))?.id ?? ""); // no id: no such key
  });
  const { id, kid, state } = changed;
  if (json === true) return printJson({ id, kid, state });
  console.log(`Key ${id} (kid ${kid}) is ${state}.`);
}

interface ShellCause {
  readonly reason: string;
  readonly cause: RevocationCause;
  readonly compromisedAt: Date | null;
}

async function causeOf({
  reason,
  compromisedSince,
}: Pick<RevokeOptions, "reason" | "compromisedSince">): Promise<ShellCause> {
  const { RevocationCause: causes } = await import("../../identity/key-revocations/entities.js");
  if (compromisedSince === undefined) return { reason, cause: causes.OTHER, compromisedAt: null };
  return { reason, cause: causes.COMPROMISED, compromisedAt: compromisedSince };
}

function summaryOf(key: ClientKey) {
  const { id, kid, alg, purposes, state, clientId, partnerId, createdAt, expiresAt, lastUsedAt, revokedAt } = key;
  return { id, kid, alg, purposes, state, clientId, partnerId, createdAt, expiresAt, lastUsedAt, revokedAt };
}

async function proofsIn(files: readonly string[] | undefined): Promise<string[] | null> {
  if (files === undefined) return null;
  return Promise.all(files.map(async (file) => (await readFile(file, "utf8")).trim()));
}

function instantOf(text: string): Date {
  const instant = new Date(text);
  if (Number.isNaN(instant.getTime())) throw new InvalidArgumentError("An instant is like 2026-03-01T00:00:00Z.");
  return instant;
}

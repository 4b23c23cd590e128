import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { calculateJwkThumbprint } from "jose";
import type { KeyPurpose } from "../../identity/entities.js";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { shellActorOf } from "./tenants.js";

interface ClientOptions extends ServerOptions {
  readonly tenant?: string;
  readonly operator?: boolean;
  readonly partner?: string;
  readonly name: string;
  readonly jwks: string;
  readonly scopes: string;
  readonly dpop?: boolean;
  readonly json?: boolean;
}

interface RegisterOptions extends ServerOptions {
  readonly tenant: string;
  readonly client: string;
  readonly jwk: string;
  readonly purpose?: KeyPurpose[];
  readonly json?: boolean;
}

interface RevokeOptions extends ServerOptions {
  readonly tenant: string;
  readonly key?: string;
  readonly kid?: string;
  readonly reason: string;
  readonly json?: boolean;
}

interface KeygenOptions {
  readonly alg?: string;
  readonly use?: string;
  readonly out: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

const RSA_BITS = 3_072;
/** As `KeyPurpose` lists them, which loads too much for a command line. */
const PURPOSES: readonly `${KeyPurpose}`[] = ["CLIENT_AUTHENTICATION", "BATCH_SIGNING", "ENCRYPTION"];

/** How a key of each algorithm is made. */
const MAKERS: Readonly<Record<string, () => KeyObject>> = {
  EdDSA: () => generateKeyPairSync("ed25519").privateKey,
  Ed25519: () => generateKeyPairSync("ed25519").privateKey,
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  ES384: () => generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey,
  PS256: () => generateKeyPairSync("rsa", { modulusLength: RSA_BITS }).privateKey,
};
/** The same for what encrypts. */
const ENCRYPTION_MAKERS: typeof MAKERS = {
  "ECDH-ES+A256KW": () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  "ECDH-ES": () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  "RSA-OAEP-256": () => generateKeyPairSync("rsa", { modulusLength: RSA_BITS }).privateKey,
};
const USES = ["sig", "enc"];
const ALGORITHMS = [...Object.keys(MAKERS), ...Object.keys(ENCRYPTION_MAKERS)];

/**
 * The commands about clients and their keys: `client create`, `key register`, `key revoke`, `keygen`. Each loads only
 * what it runs.
 */
export function register(program: Command): void {
  const client = program.command("client").description("OAuth clients: the programs that call the API");
  addServerOptions(client.command("create").description("create a client with its public keys"))
    .option("--tenant <id>", "the tenant it belongs to")
    .addOption(
      new Option("--operator", "a client of the platform's operators instead").conflicts(["tenant", "partner"]),
    )
    .option("--partner <id>", "the partner it acts for; without, it is the tenant's administration")
    .option("--name <name>", "for people", "client")
    .requiredOption("--jwks <file>", "public keys: a JWK, a JWK Set, or what `keygen --json` printed")
    .requiredOption("--scopes <scopes>", 'what it may ask for, e.g. "batches:submit batches:read"')
    .option("--dpop", "give it access tokens bound to a key (DPoP) and no others")
    .option("--json", "print one JSON document")
    .action(createClientAtShell);
  const key = program.command("key").description("clients' public keys");
  addServerOptions(key.command("register").description("register one more public key for a client"))
    .requiredOption("--tenant <id>", "the tenant")
    .requiredOption("--client <id>", "the client")
    .requiredOption("--jwk <file>", "a public JWK, or what `keygen --json` printed")
    .addOption(new Option("--purpose <purposes...>", "what it is for; else as the JWK says").choices(PURPOSES))
    .option("--json", "print one JSON document")
    .action(registerKeyAtShell);
  addServerOptions(key.command("revoke").description("revoke a key at once"))
    .requiredOption("--tenant <id>", "the tenant")
    .option("--key <id>", "the key, as `key_…`")
    .addOption(new Option("--kid <kid>", "the key by its kid instead, as `keygen` printed it").conflicts("key"))
    .requiredOption("--reason <text>", "why, for the audit record")
    .option("--json", "print one JSON document")
    .action(revokeKeyAtShell);
  program
    .command("keygen")
    .description("make a key pair; the private half stays in a file that only you can read")
    .addOption(new Option("--use <use>", "what it is for: to sign, or to have things encrypted for it").choices(USES))
    .addOption(new Option("--alg <alg>", "JWS or JWE algorithm (default: EdDSA, ECDH-ES+A256KW)").choices(ALGORITHMS))
    .requiredOption("--out <file>", "where the private JWK is written")
    .option("--force", "overwrite the file")
    .option("--json", "print one JSON document")
    .action(makeKeyPair);
}

async function createClientAtShell(options: ClientOptions, command: Command): Promise<void> {
  const {
    json,
    tenant,
    operator,
    partner: partnerId = null,
    name,
    jwks: file,
    scopes: list,
    dpop,
    ...server
  } = options;
  if (tenant === undefined && operator !== true)
    command.error("error: name the tenant with --tenant, or say --operator");
  const jwks = await publicKeysIn(file);
  const scopes = list.split(/[\s,]+/).filter((scope) => scope !== "");
  const { createClient } = await import("../../identity/clients/service.js");
  const { ensurePlatformTenant } = await import("../../tenancy/service.js");
  const asked = { partnerId, name, scopes, jwks, dpopBoundAccessTokens: dpop === true };
  const { id } = await withApp(server, async (app) => {
    const tenantId = tenant ?? (await ensurePlatformTenant(app)).id;
    return createClient(app, await shellActorOf(app, tenantId), asked);
  });
  if (json === true) return printJson({ clientId: id });
  console.log(`Client ${id} (${name}): ${scopes.join(" ")}.`);
}

async function registerKeyAtShell(options: RegisterOptions): Promise<void> {
  const { json, tenant, client, jwk, purpose: purposes = null, ...server } = options;
  const { registerKey } = await import("../../identity/registrations/service.js");
  const input = { clientId: client, jwk: await publicKeysIn(jwk), purposes };
  const { id, kid } = await withApp(server, async (app) => registerKey(app, await shellActorOf(app, tenant), input));
  if (json === true) return printJson({ id, kid });
  console.log(`Key ${id} (kid ${kid}).`);
}

async function revokeKeyAtShell(options: RevokeOptions, command: Command): Promise<void> {
  const { json, tenant, key, kid: name = "", reason, ...server } = options;
  if (key === undefined && name === "") command.error("error: name the key with --key or --kid");
  const { revokeKey, signingKey } = await import("../../identity/keys/service.js");
  const revoked = await withApp(server, async (app) => {
    const actor = await shellActorOf(app, tenant);
    const keyId = key ?? (await signingKey(app, tenant, name))?.id ?? ""; // no id: no such key
    return revokeKey(app, actor, { keyId, reason });
  });
  const { id, kid, state } = revoked;
  if (json === true) return printJson({ id, kid, state });
  console.log(`Key ${id} (kid ${kid}) is ${state}.`);
}

async function makeKeyPair({ use: asked, alg: named, out, force, json }: KeygenOptions): Promise<void> {
  const alg = named ?? (asked === "enc" ? "ECDH-ES+A256KW" : "EdDSA");
  const use = Object.hasOwn(MAKERS, alg) ? "sig" : "enc";
  const make = MAKERS[alg] ?? ENCRYPTION_MAKERS[alg];
  if (make === undefined || (asked ?? use) !== use) throw new Error(`A key for ${alg} is not of use ${asked ?? use}.`);
  const privateKey = make();
  const publicKey = createPublicKey(privateKey);
  const kid = await calculateJwkThumbprint(publicKey);
  const publicJwk = { ...publicKey.export({ format: "jwk" }), kid, alg, use };
  await keepSecret(out, { ...privateKey.export({ format: "jwk" }), kid, alg }, force === true);
  if (json === true) return printJson({ kid, publicJwk });
  console.log(`Private key in ${out}; its kid is ${kid}. The public half:\n${JSON.stringify(publicJwk)}`);
}

/** Writes a private key where nobody else may read it; what stands there already stays, unless told otherwise. */
async function keepSecret(file: string, privateJwk: object, isForced: boolean): Promise<void> {
  if (isForced) await rm(file, { force: true }); // a file that is overwritten would keep its old mode
  try {
    await writeFile(file, `${JSON.stringify(privateJwk, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "EEXIST") throw error;
    throw new Error(`${file} exists; --force overwrites it.`);
  }
}

/** The JSON text of a file with public keys; of what `keygen --json` printed, the key alone. */
async function publicKeysIn(file: string): Promise<string> {
  const text = await readFile(file, "utf8");
  const value: unknown = JSON.parse(text);
  const isAnswer = typeof value === "object" && value !== null && "publicJwk" in value;
  return isAnswer ? JSON.stringify(value.publicJwk) : text;
}

import { createPublicKey, type KeyObject } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { calculateJwkThumbprint } from "jose";
import { newKeyPair } from "../../kernel/key-pairs.js";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { publicKeysIn } from "./key-files.js";
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

interface KeygenOptions {
  readonly alg?: string;
  readonly use?: string;
  readonly out: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

const RSA_BITS = 3_072;
/** How a key of each algorithm is made. */
const MAKERS: Readonly<Record<string, () => KeyObject>> = {
  EdDSA: () => newKeyPair("ed25519").privateKey,
  Ed25519: () => newKeyPair("ed25519").privateKey,
  ES256: () => newKeyPair("ec", { namedCurve: "P-256" }).privateKey,
  ES384: () => newKeyPair("ec", { namedCurve: "P-384" }).privateKey,
  PS256: () => newKeyPair("rsa", { modulusLength: RSA_BITS }).privateKey,
};
/** The same for what encrypts. */
const ENCRYPTION_MAKERS: typeof MAKERS = {
  "ECDH-ES+A256KW": () => newKeyPair("ec", { namedCurve: "P-256" }).privateKey,
  "ECDH-ES": () => newKeyPair("ec", { namedCurve: "P-256" }).privateKey,
  "RSA-OAEP-256": () => newKeyPair("rsa", { modulusLength: RSA_BITS }).privateKey,
};
const USES = ["sig", "enc"];
const ALGORITHMS = [...Object.keys(MAKERS), ...Object.keys(ENCRYPTION_MAKERS)];

/** The commands about clients and key pairs: `client create`, `keygen`. Each loads only what it runs. */
export function register(program: Command): void {
  const client = program.command("client").description("OAuth clients: the programs that call the API");
  addServerOptions(client.command("create").description("create a client with its public keys"))
    .option("--tenant <id>", "the tenant it belongs to")
    .addOption(
      new Option("--operator", "a client of the platform's operators instead").conflicts(["tenant", "partner"]),
    )
    .option("--partner <id>", "the partner it acts for; without, it is the tenant's administration")
    .option("--name <name>", "for people", "client")
    .requiredOption("--jwks <file>", "public keys: a JWK, a JWK Set, a PEM, or what `keygen --json` printed")
    .requiredOption("--scopes <scopes>", 'what it may ask for, e.g. "batches:submit batches:read"')
    .option("--dpop", "give it access tokens bound to a key (DPoP) and no others")
    .option("--json", "print one JSON document")
    .action(createClientAtShell);
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

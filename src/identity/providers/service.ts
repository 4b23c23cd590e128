import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
} from "openid-client";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import type { App } from "../../platform/app.js";
import { transact } from "../../platform/database.js";
import { fetchOutside, outgoingFault } from "../../platform/outgoing.js";
import { perApp } from "../../platform/per-app.js";
import { PLATFORM_TENANT_ID } from "../../tenancy/service.js";
import { vaultOf } from "../../tenancy/vaults/service.js";
import { userError } from "../users/errors.js";
import { SignInProvider } from "./entities.js";

const LENGTH_MAX = 255;
const SECRET_LENGTH_MAX = 900;
const PRINTABLE = /^[\x21-\x7e]+$/;
const TIMEOUT_SECONDS = 10;
const DISCOVERED_MAX = 1_000;
const DISCOVERED_FRESH_MS = 600_000;

/** A provider to be used, as it gave us our client. */
export interface NewProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** What the button says. */
  readonly name: string;
  readonly servesAllTenants: boolean;
  readonly allowsPasswords: boolean;
}

/**
 * Has a tenant's people (or operators, for the reserved tenant) sign in by an OpenID provider, instead of the one
 * before. Its discovery document is read first, so that a wrong issuer is refused here (`VALIDATION`).
 */
export async function setProvider(app: App, actor: Actor, input: NewProvider): Promise<void> {
  const { tenantId, principalId: setBy } = actor;
  const { issuer, clientId, name, servesAllTenants, allowsPasswords } = input;
  checkProvider(app, tenantId, input);
  const [sealed, setAt] = [await sealedSecret(app, tenantId, input), app.clock.now()];
  const row = { issuer, clientId, clientSecretSealed: sealed, name, servesAllTenants, allowsPasswords, setBy, setAt };
  await clientOf(app, Object.assign(new SignInProvider(), { tenantId, ...row }));
  await transact(app, async (tx) => {
    await tx.query("select id from tenant where id = ? for update", [tenantId]);
    const before = await tx.findOneBy(SignInProvider, { tenantId });
    if (before === null) await tx.insert(SignInProvider, { tenantId, ...row });
    else await tx.update(SignInProvider, { tenantId }, row);
    const after = { issuer, clientId, servesAllTenants, allowsPasswords };
    const was = before === null ? {} : { before: { issuer: before.issuer, clientId: before.clientId } };
    const act = { type: ActType.SIGN_IN_PROVIDER_SET, subjectId: tenantId, partner: null, ...was, after };
    await recordActs(tx, actor, setAt, [act]);
  });
}

/** Has a tenant's people sign in by password again; `NOT_FOUND` where there is no provider of its own. */
export async function removeProvider(app: App, actor: Actor): Promise<void> {
  const { tenantId } = actor;
  await transact(app, async (tx) => {
    await tx.query("select id from tenant where id = ? for update", [tenantId]);
    const known = await tx.findOneBy(SignInProvider, { tenantId });
    if (known === null) throw userError("NOT_FOUND", { what: "provider" });
    await tx.delete(SignInProvider, { tenantId });
    const before = { issuer: known.issuer, clientId: known.clientId };
    const after = { issuer: null };
    const act = { type: ActType.SIGN_IN_PROVIDER_REMOVED, subjectId: tenantId, partner: null, before, after };
    await recordActs(tx, actor, app.clock.now(), [act]);
  });
}

/** Where a tenant's people sign in: its own provider, else the installation's that serves all; null for neither. */
export async function providerFor(app: App, tenantId: string): Promise<SignInProvider | null> {
  const own = await app.database.manager.findOneBy(SignInProvider, { tenantId });
  if (own !== null || tenantId === PLATFORM_TENANT_ID) return own;
  return app.database.manager.findOneBy(SignInProvider, { tenantId: PLATFORM_TENANT_ID, servesAllTenants: true });
}

/** Whether a tenant's people may sign in by password: where there is no provider, or it was said so. */
export async function takesPasswords(app: App, tenantId: string): Promise<boolean> {
  return (await providerFor(app, tenantId))?.allowsPasswords ?? true;
}

interface Discovered {
  readonly at: number;
  readonly client: Promise<Configuration>;
}

const discovered = perApp(() => new BoundedMap<string, Discovered>(DISCOVERED_MAX));

/**
 * Our client at a provider, by its discovery document (OpenID Connect Discovery 1.0), read again every ten minutes.
 * Refuses while it cannot be read (`UNAVAILABLE`).
 */
export async function clientOf(app: App, provider: SignInProvider): Promise<Configuration> {
  const [kept, name] = [discovered(app), `${provider.tenantId} ${provider.setAt.getTime()}`];
  const known = kept.get(name);
  if (known !== undefined && performance.now() - known.at < DISCOVERED_FRESH_MS) return known.client;
  const client = discover(app, provider);
  kept.set(name, { at: performance.now(), client });
  try {
    return await client;
  } catch (error) {
    kept.delete(name);
    app.log.warn({ err: error, tenantId: provider.tenantId }, "sign-in: the provider cannot be read");
    throw userError("UNAVAILABLE", { reason: "The sign-in provider cannot be reached at the moment." });
  }
}

async function discover(app: App, provider: SignInProvider): Promise<Configuration> {
  const { tenantId, issuer, clientId, clientSecretSealed } = provider;
  const vault = await vaultOf(app, tenantId);
  const secret = vault.unseal(clientSecretSealed, sealPurpose(tenantId, issuer)).toString("utf8");
  const isPlain = issuer.startsWith("http:"); // refused in production
  return discovery(new URL(issuer), clientId, {}, bySecret(secret), {
    timeout: TIMEOUT_SECONDS,
    execute: [enableNonRepudiationChecks, ...(isPlain ? [allowInsecureRequests] : [])],
    [customFetch]: async (url, { method, headers, body, signal }) => {
      const text = body instanceof URLSearchParams || typeof body === "string" ? String(body) : null;
      return fetchOutside(app.config, url, { method, headers, body: text, signal });
    },
  });
}

/** By the method that every provider has unless it says otherwise (Discovery, section 3), else in the body. */
function bySecret(secret: string): ClientAuth {
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)];
  return (server, ...rest) => {
    const methods = server.token_endpoint_auth_methods_supported;
    const isBasic = methods === undefined || methods.includes("client_secret_basic");
    return (isBasic ? basic : post)(server, ...rest);
  };
}

function checkProvider(app: App, tenantId: string, input: NewProvider): void {
  const { issuer, clientId, clientSecret, name, servesAllTenants } = input;
  const fault = outgoingFault(issuer, app.config);
  if (fault !== null || issuer.length > LENGTH_MAX || !PRINTABLE.test(issuer)) {
    throw userError("VALIDATION", { path: "/issuer", reason: `The issuer ${fault ?? "is too long"}.` });
  }
  if (!PRINTABLE.test(clientId) || clientId.length > LENGTH_MAX) {
    throw userError("VALIDATION", { path: "/clientId", reason: "The client id is 1 to 255 printable characters." });
  }
  if (clientSecret === "" || Buffer.byteLength(clientSecret) > SECRET_LENGTH_MAX) {
    throw userError("VALIDATION", { path: "/clientSecret", reason: `The secret is 1 to ${SECRET_LENGTH_MAX} bytes.` });
  }
  if (name.trim() === "" || name.length > 200) {
    throw userError("VALIDATION", { path: "/name", reason: "A name has 1 to 200 characters." });
  }
  if (servesAllTenants && tenantId !== PLATFORM_TENANT_ID) {
    throw userError("VALIDATION", { path: "/servesAllTenants", reason: "Only the installation's serves all tenants." });
  }
}

async function sealedSecret(app: App, tenantId: string, { issuer, clientSecret }: NewProvider): Promise<Buffer> {
  return (await vaultOf(app, tenantId)).seal(Buffer.from(clientSecret), sealPurpose(tenantId, issuer));
}

function sealPurpose(tenantId: string, issuer: string): string {
  return `sign-in-provider:${tenantId}:${issuer}`;
}

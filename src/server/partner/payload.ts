import { z } from "zod";
import { epochSeconds, systemClock } from "../../kernel/clock.js";
import { sha256Hex } from "../../kernel/digest.js";
import { newId } from "../../kernel/ids.js";
import { parseStrictJson } from "../../kernel/strict-json.js";
import type { Session } from "../partner-client.js";

/** The `typ` of a signed batch. */
export const BATCH_TYPE = "quittance-batch+jws";

/** Who signs (`iss`), to whom (`aud`, the tenant), and whose account it is (`sub`), where that is another. */
export interface Parties {
  readonly iss: string;
  readonly aud: string;
  readonly sub?: string;
}

/** Whom a session speaks for, and whether it may read what became of its batches. */
export interface Caller {
  readonly tenantId: string;
  /** Null for the tenant's own client. */
  readonly partnerId: string | null;
  readonly mayReadBatches: boolean;
}

/** The items of a batch, each as JSON text, and the id of the batch. */
export interface BatchDraft {
  readonly jti: string;
  readonly items: readonly string[];
}

const Viewed = z.object({
  viewer: z.object({
    scopes: z.array(z.string()),
    tenant: z.object({ id: z.string() }),
    partner: z.object({ id: z.string() }).nullable(),
  }),
});

/** Whom a session speaks for, as the server says. */
export async function callerOf(session: Session): Promise<Caller> {
  const query = "query Viewer { viewer { scopes tenant { id } partner { id } } }";
  const { scopes, tenant, partner } = (await session.graphql(Viewed, query)).viewer;
  return { tenantId: tenant.id, partnerId: partner?.id ?? null, mayReadBatches: scopes.includes("batches:read") };
}

/** Who signs and whose account it is: a partner its own, the tenant that of the partner it names; it must name one. */
export function partiesOf({ tenantId, partnerId }: Caller, forPartner: string | undefined): Parties {
  const iss = partnerId ?? tenantId;
  if (forPartner !== undefined) return { iss, aud: tenantId, sub: forPartner };
  if (partnerId === null) throw new Error("The client is the tenant's own: name the partner with --for.");
  return { iss, aud: tenantId };
}

/** The signed batch, a compact JWS whose `iat` is now: send it at once, since `iat` is good for five minutes. */
export async function signBatch(session: Session, parties: Parties, { jti, items }: BatchDraft): Promise<string> {
  const claims = JSON.stringify({ ...parties, jti, iat: epochSeconds(systemClock.now()) });
  return session.sign(`${claims.slice(0, -1)},"transactions":[${items.join(",")}]}`, BATCH_TYPE);
}

/** Makes the ids of one run's batches: `<SHA-256 of the items, 24 digits>-<place in the run>-<the run>`. */
export function batchNamer(): (items: readonly string[], place: number) => string {
  const run = newId("req", systemClock).slice(-16);
  return (items, place) => `${sha256Hex(items.join("\n")).slice(0, 24)}-${place}-${run}`;
}

/**
 * A payload ready to be signed, from JSON text: as it stands when it names `iat`, else with `iat` of now and with those
 * parties that it leaves out. Throws a sentence when it is not a JSON object, or a name occurs twice.
 */
export function completedPayload(text: string, parties: Partial<Parties> = {}): string {
  const payload = parseStrictJson(text);
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) {
    throw new Error("A payload is a JSON object; schema/batch.schema.json says which.");
  }
  const defaults = { ...parties, iat: epochSeconds(systemClock.now()) };
  const missing = Object.entries(defaults).filter(([name]) => !Object.hasOwn(payload, name));
  return missing.length === 0 ? text.trim() : JSON.stringify({ ...Object.fromEntries(missing), ...payload });
}

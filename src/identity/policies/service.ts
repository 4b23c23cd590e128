import { In } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, PrincipalKind, type TenantRef } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { recent } from "../../platform/recent.js";
import { rowOf } from "../../platform/rows.js";
import type { Client } from "../entities.js";
import { identityError } from "../errors.js";
import { clientOf, clientToManage } from "../service.js";
import { ClientPolicy } from "./entities.js";

/** What a client may ask: points in a window, null for the installation's, and whether registered documents only. */
export type Policy = Pick<ClientPolicy, "ratePoints" | "trustedDocumentsOnly">;

/** What holds for a client of which nothing is said. */
const USUAL: Policy = { ratePoints: null, trustedDocumentsOnly: false };

const knownPolicies = recent<Policy>({ keptMax: 10_000, aheadMs: 2_000, freshMs: 5_000 });

/**
 * Says what a client may ask, in force in every process within five seconds. Through the API nobody is given more than
 * the installation allows (`VALIDATION`); saying what is so already changes nothing.
 */
export async function setClientPolicy(
  app: App,
  actor: Actor,
  { clientId, policy }: { readonly clientId: string; readonly policy: Policy },
  idempotencyKey: string | null = null,
): Promise<Client> {
  checkRate(app, actor, policy);
  const { client, partner } = await clientToManage(app, actor, clientId);
  const request = { operation: "setClientPolicy", idempotencyKey, input: { clientId, ...policy } };
  await once(app, actor, request, async (tx) => {
    const before = await lockedPolicy(tx, client);
    if (before.ratePoints === policy.ratePoints && before.trustedDocumentsOnly === policy.trustedDocumentsOnly) {
      return clientId;
    }
    const changedAt = app.clock.now();
    const { ratePoints, trustedDocumentsOnly } = policy;
    await tx.query(
      `insert into client_policy (tenant_id, client_id, rate_points, trusted_documents_only, changed_at)
       values (?, ?, ?, ?, ?)
       on duplicate key update rate_points = values(rate_points),
         trusted_documents_only = values(trusted_documents_only), changed_at = values(changed_at)`,
      [client.tenantId, clientId, ratePoints, trustedDocumentsOnly, changedAt],
    );
    const act = { type: ActType.CLIENT_POLICY_SET, subjectId: clientId, partner };
    await recordActs(tx, actor, changedAt, [
      { ...act, before: { ...before }, after: { ratePoints, trustedDocumentsOnly } },
    ]);
    return clientId;
  });
  knownPolicies(app).forget(clientId);
  return clientOf(app, actor, clientId);
}

/** The policies of clients, in the order asked; for loaders. */
export async function policiesOf(app: App, { tenantId }: TenantRef, clientIds: readonly string[]): Promise<Policy[]> {
  const rows = await app.database.manager.findBy(ClientPolicy, { tenantId, clientId: In([...clientIds]) });
  const byClient = new Map(rows.map((row) => [row.clientId, row]));
  return clientIds.map((id) => byClient.get(id) ?? USUAL);
}

/** What whoever asks may, as it was at most five seconds ago; the usual request waits for no reading of it. */
export function policyOf(app: App, { tenantId, principalId }: Actor): Policy | Promise<Policy> {
  return knownPolicies(app).of(principalId, () => readPolicy(app, tenantId, principalId));
}

async function readPolicy({ database }: App, tenantId: string, clientId: string): Promise<Policy> {
  return (
    (await rowOf(database.manager, ClientPolicy, "tenant_id = ? and client_id = ?", [tenantId, clientId])) ?? USUAL
  );
}

/** The operator's shell may give more. */
function checkRate({ config }: App, { kind }: Actor, { ratePoints }: Policy): void {
  const { clientPointsMax } = config.rates;
  if (ratePoints === null || ratePoints <= clientPointsMax || kind === PrincipalKind.OPERATOR_SHELL) return;
  throw identityError("VALIDATION", {
    path: "/ratePoints",
    reason: `The installation allows ${clientPointsMax} points.`,
  });
}

/** Under the client's row lock, since there may be no policy to lock. */
async function lockedPolicy(tx: Tx, { tenantId, id }: Client): Promise<Policy> {
  await tx.query("select id from client where tenant_id = ? and id = ? for update", [tenantId, id]);
  const row = await tx.findOneBy(ClientPolicy, { tenantId, clientId: id });
  const { ratePoints, trustedDocumentsOnly } = row ?? USUAL;
  return { ratePoints, trustedDocumentsOnly };
}

import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { isDuplicateKey, transact } from "../../platform/database.js";
import { partnerOf } from "../../tenancy/service.js";
import { OauthRefusal } from "../assertions/errors.js";
import { authenticateClient, type ClientRow, REVOCATION_PATH, spendAssertion } from "../assertions/service.js";
import { type Credentials, forgetPrincipal, type Grant, grantOf } from "../tokens/service.js";
import { RevokedToken } from "./entities.js";

/** Where a request of the revocation endpoint comes from, for the audit record. */
export type RequestOrigin = Pick<Credentials, "requestId" | "traceparent" | "address">;

const PURGED_MAX = 50_000;

/**
 * Answers a request of the revocation endpoint (RFC 7009): the client authenticates as at the token endpoint, and its
 * access token counts no more, in this process from now on and in all others within two seconds. What is no token, or
 * has ended, needs no revoking. Throws `OauthRefusal`, `invalid_grant` for a token of another client.
 */
export async function revokeToken(app: App, form: ReadonlyMap<string, string>, origin: RequestOrigin): Promise<void> {
  const { client, assertion } = await authenticateClient(app, form, REVOCATION_PATH); // first (RFC 7009, section 2.1)
  const token = form.get("token");
  if (token === undefined) throw new OauthRefusal("INVALID_REQUEST", "token is missing.");
  await spendAssertion(app, client, assertion);
  const grant = await grantOf(app, token);
  if (grant === null || grant.expiresAt <= app.clock.now()) return;
  if (grant.clientId !== client.client_id) {
    throw new OauthRefusal("INVALID_GRANT", "The token was issued to another client.");
  }
  await storeRevocation(app, actorOf(client, origin), grant);
  forgetPrincipal(app, grant);
}

/** Forgets revocations of tokens that have ended; answers how many. */
export async function purgeRevocationsForAllTenants(app: App): Promise<number> {
  const { affectedRows } = await app.database.query(
    "/* all tenants */ delete from revoked_token where expires_at < ? limit ?",
    [app.clock.now(), PURGED_MAX],
  );
  return affectedRows;
}

/** A second revocation meets the first one's row and changes nothing. */
async function storeRevocation(app: App, actor: Actor, { jti, clientId, expiresAt }: Grant): Promise<void> {
  const partner = actor.partnerId === null ? null : await partnerOf(app, actor, actor.partnerId);
  try {
    await transact(app, async (tx) => {
      await tx.insert(RevokedToken, { tenantId: actor.tenantId, jti, clientId, expiresAt });
      const act = { type: ActType.TOKEN_REVOKED, subjectId: jti, partner, after: { client: clientId } };
      await recordActs(tx, actor, app.clock.now(), [act]);
    });
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
}

function actorOf(client: ClientRow, origin: RequestOrigin): Actor {
  return {
    ...{ kind: PrincipalKind[client.kind], tenantId: client.tenant_id, tenantNo: client.tenant_no },
    ...{ partnerId: client.partner_id, principalId: client.client_id, ...origin },
    ...{ scopes: new Set(), expiresAt: null },
  };
}

import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import type { Tx } from "../../platform/database.js";
import { PLATFORM_TENANT_ID } from "../../tenancy/service.js";
import { Client, ClientKind } from "../entities.js";
import { identityError } from "../errors.js";

/** Whether an operator acts in a tenant other than the installation's own. */
export function isHandingOver(actor: Actor): boolean {
  return actor.kind === PrincipalKind.OPERATOR && actor.tenantId !== PLATFORM_TENANT_ID;
}

/**
 * Refuses (`FORBIDDEN`) to hand a tenant over that has a client of its administration, or a person who ever signed in.
 * Under the tenant's row lock, so that of two operators at once one is refused.
 */
export async function checkNobodyIsIn(tx: Tx, tenantId: string): Promise<void> {
  await tx.query("select id from tenant where id = ? for update", [tenantId]);
  const [{ joined }] = await tx.query(
    "select count(*) as joined from user where tenant_id = ? and signed_in_at is not null",
    [tenantId],
  );
  const clients = await tx.countBy(Client, { tenantId, kind: ClientKind.TENANT });
  if (Number(joined) + clients > 0) throw handedOver();
}

/** The refusal of what a tenant does itself. */
export function handedOver(): Error {
  return identityError("FORBIDDEN", {
    reason: "An operator makes a tenant's first client and people while nobody is in; the tenant makes the rest.",
  });
}

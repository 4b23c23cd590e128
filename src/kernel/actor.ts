/** Who a principal is; people are of the same kinds as their tenant's clients. */
export enum PrincipalKind {
  /** A partner's own client: sees and does what is that partner's. */
  PARTNER = "PARTNER",
  /** A tenant's administration, a client or a person: sees and does what is that tenant's. */
  TENANT = "TENANT",
  /** The platform's operator through the API: manages tenants, reads none of their money. */
  OPERATOR = "OPERATOR",
  /** The operator at the server's own shell: every act says so. */
  OPERATOR_SHELL = "OPERATOR_SHELL",
  /** Quittance itself: schedules, the relay, the sweeper. */
  SYSTEM = "SYSTEM",
}

/** What a principal may do, as OAuth scopes. */
export const SCOPES = [
  "batches:submit",
  "batches:read",
  "balances:read",
  "settlements:read",
  "settlements:manage",
  "configs:draft",
  "configs:approve",
  "clients:manage",
  "keys:manage",
  "payouts:manage",
  "audit:read",
  "operations:manage",
] as const;

/** One OAuth scope of ours. */
export type Scope = (typeof SCOPES)[number];

/** On whose behalf something is done: one tenant always, one partner when the principal is a partner's. */
export interface Actor {
  readonly kind: PrincipalKind;
  readonly tenantId: string;
  /** The tenant's internal number, which keys the hot tables. */
  readonly tenantNo: number;
  /** The only partner this actor may see; null for the tenant's own people. */
  readonly partnerId: string | null;
  /** What acts and logs name: a client's or a person's id, `shell` or `system`. */
  readonly principalId: string;
  readonly scopes: ReadonlySet<Scope>;
  readonly requestId: string;
  /** W3C `traceparent`, when the caller sent one. */
  readonly traceparent: string | null;
  /** The network address it came from; null for ourselves. */
  readonly address: string | null;
  /** When its access token or session ends, and with it every subscription; null for ourselves. */
  readonly expiresAt: Date | null;
}

/** Whether a text names one of our scopes. */
export function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text);
}

/** Whoever did something, as the actor may know it: a partner's clients are not told who the tenant's people are. */
export function nameFor(actor: Actor, principalId: string | null): string | null {
  return actor.partnerId === null ? principalId : null;
}

/** A tenant as acts and hot tables name it. */
export interface TenantRef {
  readonly tenantId: string;
  readonly tenantNo: number;
}

/** A client or person named within its tenant; null where it is of no partner. */
export type PrincipalRef = Pick<Actor, "tenantId" | "tenantNo" | "partnerId" | "principalId">;

/** Quittance acting by itself for a tenant, in a job or a loop. */
export function systemActor(tenant: TenantRef, requestId: string): Actor {
  return ownActor(PrincipalKind.SYSTEM, "system", tenant, requestId);
}

/** The operator at the server's shell, acting for a tenant. */
export function shellActor(tenant: TenantRef, requestId: string): Actor {
  return ownActor(PrincipalKind.OPERATOR_SHELL, "shell", tenant, requestId);
}

function ownActor(
  kind: PrincipalKind,
  principalId: string,
  { tenantId, tenantNo }: TenantRef,
  requestId: string,
): Actor {
  const scopes = new Set(SCOPES);
  return {
    kind,
    tenantId,
    tenantNo,
    partnerId: null,
    principalId,
    scopes,
    requestId,
    traceparent: null,
    address: null,
    expiresAt: null,
  };
}

import { isScope, SCOPES, type Scope } from "../kernel/actor.js";
import { ClientKind } from "./entities.js";

/** Which scopes a client may hold, by on whose behalf it acts; whatever else it is given counts for nothing. */
const SCOPES_OF_KIND: Readonly<Record<ClientKind, ReadonlySet<Scope>>> = {
  [ClientKind.PARTNER]: new Set(["batches:submit", "batches:read", "balances:read", "settlements:read", "keys:manage"]),
  [ClientKind.TENANT]: new Set(SCOPES.filter((scope) => scope !== "operations:manage")),
  [ClientKind.OPERATOR]: new Set(["operations:manage", "clients:manage", "keys:manage", "audit:read"]),
};

/** The scopes of a list that a client of that kind may use, in the order of the closed list. */
export function usableScopes(kind: ClientKind, names: Iterable<string>): Scope[] {
  const named = new Set(names);
  return SCOPES.filter((scope) => named.has(scope) && SCOPES_OF_KIND[kind].has(scope));
}

/**
 * The first name of a list that is no scope, or none that a client of that kind may hold; null when all may be held.
 */
export function scopeRefused(kind: ClientKind, names: readonly string[]): string | null {
  return names.find((name) => !isScope(name) || !SCOPES_OF_KIND[kind].has(name)) ?? null;
}

/** The first scope that somebody would give away without holding it; null when all are held. */
export function scopeNotHeld(held: ReadonlySet<Scope>, given: readonly string[]): string | null {
  return given.find((name) => !isScope(name) || !held.has(name)) ?? null;
}

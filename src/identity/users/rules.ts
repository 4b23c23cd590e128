import { SCOPES, type Scope } from "../../kernel/actor.js";
import { ClientKind } from "../entities.js";
import { usableScopes } from "../rules.js";
import { Role } from "./entities.js";

const READS: readonly Scope[] = ["batches:read", "balances:read", "settlements:read"];
const MONEY: readonly Scope[] = ["settlements:manage", "payouts:manage"];

/** What each role may do; docs/operators/people.md prints it. */
const SCOPES_OF_ROLE: Readonly<Record<Role, readonly Scope[]>> = {
  [Role.ADMIN]: SCOPES.filter((scope) => scope !== "operations:manage"),
  [Role.FINANCE_DRAFTER]: [...READS, ...MONEY, "configs:draft"],
  [Role.FINANCE_APPROVER]: [...READS, ...MONEY, "configs:approve"],
  [Role.KEY_MANAGER]: ["clients:manage", "keys:manage"],
  [Role.AUDITOR]: [...READS, "audit:read"],
  [Role.OPERATOR]: ["operations:manage", "clients:manage", "keys:manage", "audit:read"],
};

/** Who may have a role: an operator manages no tenant's money, and a tenant's people no installation. */
const ROLES_OF_KIND: Readonly<Partial<Record<ClientKind, readonly Role[]>>> = {
  [ClientKind.TENANT]: Object.values(Role).filter((role) => role !== Role.OPERATOR),
  [ClientKind.OPERATOR]: [Role.OPERATOR, Role.AUDITOR],
};

const EMAIL_LENGTH_MAX = 254;
/** The ASCII mailboxes that people have (RFC 5321 without quoted local parts): equal when spelled equally. */
const EMAIL = /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9-]{0,62}\.)*[a-z0-9-]{0,62}[a-z0-9]$/;

/** The scopes that roles add up to, for a person of that kind, in the order of the closed list. */
export function scopesOfRoles(kind: ClientKind, roles: readonly Role[]): Scope[] {
  return usableScopes(kind, new Set(roles.flatMap((role) => SCOPES_OF_ROLE[role])));
}

/** The roles of a list as it is stored; what is no role of ours counts for nothing. */
export function rolesIn(roleList: string): Role[] {
  const named = new Set(roleList.split(" "));
  return Object.values(Role).filter((role) => named.has(role));
}

/** Roles as they are stored, each once, in the order of the closed list. */
export function roleListOf(roles: readonly Role[]): string {
  const given = new Set(roles);
  return Object.values(Role)
    .filter((role) => given.has(role))
    .join(" ");
}

/** The first role that a person of that kind may not have; null when all may be had. */
export function roleRefused(kind: ClientKind, roles: readonly Role[]): Role | null {
  return roles.find((role) => ROLES_OF_KIND[kind]?.includes(role) !== true) ?? null;
}

/** An address as it is stored and compared: trimmed, in lower case; null for what is none in ASCII. */
export function emailOf(text: string): string | null {
  const email = text.trim().toLowerCase();
  return email.length <= EMAIL_LENGTH_MAX && EMAIL.test(email) ? email : null;
}

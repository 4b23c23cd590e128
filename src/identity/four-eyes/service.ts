import { ActType } from "../../acts/entities.js";
import { type Actor, PrincipalKind, type TenantRef } from "../../kernel/actor.js";
import type { Reader } from "../../platform/database.js";
import { identityError } from "../errors.js";

/** How far back it is followed who made whom; whoever has more makers behind him is nobody's second person. */
const MAKERS_MAX = 10;

/** Those who stand behind a principal, as acts tell. */
interface Hands {
  /** Itself, whoever made it, whoever made that, … */
  readonly makers: ReadonlySet<string>;
  /** The same, and whoever registered a key of one of these, and whoever made that: with the key he may act as it. */
  readonly all: ReadonlySet<string>;
}

/** A step that needs two people. */
export interface FirstStep {
  /** Who took the first step; null where nobody did. */
  readonly by: readonly (string | null)[];
  /** Why the same person may not take the second, for people. */
  readonly reason: string;
}

/**
 * Refuses (`FORBIDDEN`) that the person who took the first step takes the second, in another session or by a client
 * that he made or registered a key for. The server's own shell is held to no four eyes; its acts say so.
 */
export async function checkSecondPerson(reader: Reader, actor: Actor, { by, reason }: FirstStep): Promise<void> {
  if (actor.kind === PrincipalKind.OPERATOR_SHELL) return;
  for (const first of by) {
    if (first !== null && (await isSamePerson(reader, actor, [first, actor.principalId]))) {
      throw identityError("FORBIDDEN", { reason });
    }
  }
}

/**
 * Whether two principals are known to be one person's: the same; one made, or registered a key of, the other; or both
 * were made by the same one. Who invites a person to a password has made him, since he could open the link himself.
 * What is made at the shell is nobody's. One registrar of both makes them not one: a key manager registers everybody's,
 * and a second person approves each. Whoever has more makers behind him than are followed may be anybody, so is.
 */
export async function isSamePerson(
  reader: Reader,
  tenant: TenantRef,
  [one, other]: readonly [string, string],
): Promise<boolean> {
  if (one === other) return true;
  const [ones, others] = [await handsBehind(reader, tenant, one), await handsBehind(reader, tenant, other)];
  if (ones === null || others === null) return true;
  return meet(ones.makers, others.all) || meet(ones.all, others.makers);
}

/** Null where they are too many to follow. */
async function handsBehind(reader: Reader, tenant: TenantRef, principalId: string): Promise<Hands | null> {
  const makersOf = (ids: readonly string[]) => makersBehind(reader, tenant, ids);
  const makers = await closed(new Set([principalId]), makersOf);
  if (makers === null) return null;
  const all = await closed(makers, async (ids) => [
    ...(await makersOf(ids)),
    ...(await registrarsBehind(reader, tenant, ids)),
  ]);
  return all === null ? null : { makers, all };
}

/** These, those behind them, those behind those, …; null where that goes on beyond what is followed. */
async function closed(
  from: ReadonlySet<string>,
  behind: (ids: readonly string[]) => Promise<readonly string[]>,
): Promise<ReadonlySet<string> | null> {
  const found = new Set(from);
  let latest = [...found];
  for (let nth = 0; latest.length > 0; nth++) {
    if (nth > MAKERS_MAX) return null;
    latest = [...new Set(await behind(latest))].filter((id) => !found.has(id));
    for (const id of latest) found.add(id);
  }
  return found;
}

/** Who made these clients, and who had the link by which these people got a password. */
async function makersBehind(reader: Reader, tenant: TenantRef, ids: readonly string[]): Promise<string[]> {
  const people: { id: string }[] = await reader.query(
    "select id from user where tenant_id = ? and id in (?) and (subject is null or password_hash is not null)",
    [tenant.tenantId, ids],
  );
  const invited = people.map(({ id }) => id);
  return [
    ...(await authorsOf(reader, tenant, [ActType.CLIENT_CREATED], ids)),
    ...(await authorsOf(reader, tenant, [ActType.USER_CREATED, ActType.USER_INVITED], invited)),
  ];
}

async function registrarsBehind(reader: Reader, tenant: TenantRef, ids: readonly string[]): Promise<string[]> {
  const keys: { id: string }[] = await reader.query(
    "select id from client_key where tenant_id = ? and client_id in (?)",
    [tenant.tenantId, ids],
  );
  const keyIds = keys.map(({ id }) => id);
  return authorsOf(reader, tenant, [ActType.KEY_REGISTERED], keyIds);
}

/** Who made these, of people and clients; the shell and ourselves are neither. */
async function authorsOf(
  reader: Reader,
  { tenantNo }: TenantRef,
  types: readonly ActType[],
  subjectIds: readonly string[],
): Promise<string[]> {
  if (subjectIds.length === 0) return [];
  const rows: { by: string }[] = await reader.query(
    `select distinct principal_id as \`by\` from act where tenant_no = ? and subject_id in (?) and type in (?)
       and principal_id regexp '^(usr|cli)_'`,
    [tenantNo, subjectIds, types],
  );
  return rows.map(({ by }) => by);
}

function meet(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return [...some].some((each) => others.has(each));
}

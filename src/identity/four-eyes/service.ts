import { ActType } from "../../acts/entities.js";
import { type Actor, PrincipalKind, type TenantRef } from "../../kernel/actor.js";
import type { Reader } from "../../platform/database.js";
import { identityError } from "../errors.js";

/** How far back it is followed who made a client. */
const MAKERS_MAX = 10;

/** Those who stand behind a principal, as far as acts tell. */
interface Hands {
  /** Itself, whoever made it, whoever made that, … */
  readonly makers: ReadonlySet<string>;
  /** The same, and whoever registered a key of it: with that key he may act as it. */
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
 * were made by the same one. What is made at the shell is nobody's.
 */
export async function isSamePerson(
  reader: Reader,
  tenant: TenantRef,
  [one, other]: readonly [string, string],
): Promise<boolean> {
  if (one === other) return true;
  const [ones, others] = [await handsBehind(reader, tenant, one), await handsBehind(reader, tenant, other)];
  return meet(ones.makers, others.all) || meet(ones.all, others.makers);
}

async function handsBehind(reader: Reader, tenant: TenantRef, principalId: string): Promise<Hands> {
  const makers = new Set([principalId]);
  let latest: string | undefined = principalId;
  for (let nth = 0; nth < MAKERS_MAX && latest?.startsWith("cli_"); nth++) {
    [latest] = await authorsOf(reader, tenant, ActType.CLIENT_CREATED, [latest]);
    if (latest !== undefined) makers.add(latest);
  }
  const keys: { id: string }[] = await reader.query("select id from client_key where tenant_id = ? and client_id = ?", [
    tenant.tenantId,
    principalId,
  ]);
  const ids = keys.map(({ id }) => id);
  const registrars = ids.length === 0 ? [] : await authorsOf(reader, tenant, ActType.KEY_REGISTERED, ids);
  return { makers, all: new Set([...makers, ...registrars]) };
}

/** Who made these, of people and clients; the shell and ourselves are neither. */
async function authorsOf(
  reader: Reader,
  { tenantNo }: TenantRef,
  type: ActType,
  subjectIds: readonly string[],
): Promise<string[]> {
  const rows: { by: string }[] = await reader.query(
    `select distinct principal_id as \`by\` from act where tenant_no = ? and subject_id in (?) and type = ?
       and principal_id regexp '^(usr|cli)_'`,
    [tenantNo, subjectIds, type],
  );
  return rows.map(({ by }) => by);
}

function meet(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return [...some].some((each) => others.has(each));
}

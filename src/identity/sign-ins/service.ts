import { setTimeout as sleep } from "node:timers/promises";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, PrincipalKind, systemActor } from "../../kernel/actor.js";
import { later } from "../../kernel/clock.js";
import { isId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import type { Tenant } from "../../tenancy/entities.js";
import { tenantOf } from "../../tenancy/service.js";
import { type DeviceOwner, isDeviceOf } from "../devices/service.js";
import { PASSWORD_LENGTH, passwordFault } from "../passwords/rules.js";
import { isPassword, passwordHash, type SentPassword } from "../passwords/service.js";
import { takesPasswords } from "../providers/service.js";
import { SignInMethod } from "../sessions/entities.js";
import { endSessionsOf, type StartedSession, startSession } from "../sessions/service.js";
import { User, UserState } from "../users/entities.js";
import { userError } from "../users/errors.js";
import { emailOf, rolesIn, scopesOfRoles } from "../users/rules.js";
import { about, kindOfPeople, lockUser } from "../users/service.js";
import { lockColumns, lockMsAfter, lockOf, NO_LOCK } from "./rules.js";

/** Every refusal takes a whole number of these, so that its time tells nothing. */
const REFUSAL_STEP_MS = 500;

/** Where an attempt to sign in comes from. */
export interface SignInOrigin {
  readonly requestId: string;
  readonly traceparent: string | null;
  readonly address: string | null;
  /** What the browser calls itself. */
  readonly agent: string;
  /** What it shows of an earlier sign-in (`devices`); null for nothing. */
  readonly device: string | null;
}

/** What a person types in. */
export interface PasswordAttempt {
  readonly tenantId: string;
  readonly email: string;
  readonly password: string;
}

/**
 * Signs a person in by e-mail address and password. Unknown, wrong, locked, disabled and not taken here are one refusal
 * after the same work (`UNAUTHENTICATED`). Five wrong passwords in a row lock the account for minutes, to strangers or,
 * counted apart, to browsers where the person has signed in.
 */
export async function signInWithPassword(
  app: App,
  origin: SignInOrigin,
  attempt: PasswordAttempt,
): Promise<StartedSession> {
  const startedAt = performance.now();
  const user = await userWith(app, attempt);
  const knownAs = user === null ? null : deviceOwner(app, origin, user);
  const isKnown = knownAs !== null;
  const stored = user !== null && isTaken(user, isKnown, app.clock.now()) ? user.passwordHash : null;
  const isRight = await isPassword({ password: attempt.password, address: origin.address, knownAs }, stored);
  const session = user !== null && stored !== null ? await concluded(app, origin, user, { isRight, isKnown }) : null;
  countSignIn(app, SignInMethod.PASSWORD, session === null ? "refused" : "started");
  if (session !== null) return session;
  const tookMs = performance.now() - startedAt;
  await sleep(Math.ceil(tookMs / REFUSAL_STEP_MS) * REFUSAL_STEP_MS - tookMs);
  throw userError("UNAUTHENTICATED", { reason: "The address or the password is wrong, or too many were; wait then." });
}

/**
 * Gives oneself another password, the old one first; every other session of oneself ends. A wrong old one counts as at
 * signing in at a known browser (`UNAUTHENTICATED`); one that was changed meanwhile and a session that ended are
 * refused alike. A new one that is short or easily guessed is refused (`VALIDATION`).
 */
export async function changePassword(
  app: App,
  actor: Actor,
  { current, next, sessionId }: { readonly current: string; readonly next: string; readonly sessionId: string },
): Promise<void> {
  const user = await app.database.manager.findOneByOrFail(User, { tenantId: actor.tenantId, id: actor.principalId });
  const stored = isTaken(user, true, app.clock.now()) ? user.passwordHash : null;
  const from = { address: actor.address, knownAs: { tenantId: user.tenantId, userId: user.id } };
  if (!(await isPassword({ password: current, ...from }, stored))) {
    if (stored !== null) await transact(app, (tx) => fail(app, tx, actor, { userId: user.id, isKnown: true }));
    throw notPresent();
  }
  const hash = await checkedPasswordHash({ password: next, ...from }, user.email);
  await transact(app, async (tx) => {
    const { state, passwordHash: present } = await lockUser(tx, actor.tenantId, user.id);
    if (state !== UserState.ACTIVE || present !== stored) throw notPresent();
    if (!(await isOwnSession(tx, actor, sessionId))) throw notPresent();
    const change = { passwordHash: hash, ...lockColumns(NO_LOCK, true) };
    await tx.update(User, { tenantId: actor.tenantId, id: user.id }, change);
    const sessionsEnded = await endSessionsOf(app, tx, actor, user.id, sessionId);
    const act = { ...about(user.id), type: ActType.USER_PASSWORD_CHANGED, after: { sessionsEnded } };
    await recordActs(tx, actor, app.clock.now(), [act]);
  });
}

/** The hash of a password that somebody wants to have; one that will not do is refused (`VALIDATION`). */
export async function checkedPasswordHash(sent: SentPassword, email: string): Promise<string> {
  const fault = passwordFault(sent.password, email);
  if (fault === null) return passwordHash(sent);
  const { min, max } = PASSWORD_LENGTH;
  const reason =
    fault === "LENGTH" ? `A password has ${min} to ${max} characters.` : "That password is easily guessed.";
  throw userError("VALIDATION", { path: "/password", fault, reason });
}

/** A person who has just proved who he is, as acts name him. */
export function personActor({ id: tenantId, no: tenantNo }: Tenant, origin: SignInOrigin, user: User): Actor {
  const { requestId, traceparent, address } = origin;
  const kind = kindOfPeople(tenantId);
  return {
    ...{ kind: PrincipalKind[kind], tenantId, tenantNo, partnerId: null, principalId: user.id },
    ...{ requestId, traceparent, address, expiresAt: null },
    scopes: new Set(scopesOfRoles(kind, rolesIn(user.roleList))),
  };
}

/** Signs a person in, in the caller's transaction: a session begins. */
export async function signIn(
  app: App,
  tx: Tx,
  actor: Actor,
  method: SignInMethod,
  { agent }: SignInOrigin,
): Promise<StartedSession> {
  const { tenantId, principalId: userId } = actor;
  await tx.update(User, { tenantId, id: userId }, { signedInAt: app.clock.now() });
  return startSession(app, tx, actor, { userId, method, agent });
}

/** Counts an attempt for `/metrics`. */
export function countSignIn(app: App, method: SignInMethod, outcome: "started" | "refused"): void {
  app.metrics.count("sign_in", { method, outcome });
}

/** Whoever may sign in by password at that address; null for nobody. */
async function userWith(app: App, { tenantId, email: text }: PasswordAttempt): Promise<User | null> {
  const email = emailOf(text);
  if (email === null || !isId(tenantId, "tnt") || !(await takesPasswords(app, tenantId))) return null;
  return app.database.manager.findOneBy(User, { tenantId, email });
}

/** The person, where the browser shows that he has signed in there; null for a stranger. */
function deviceOwner(app: App, { device }: SignInOrigin, { tenantId, id: userId }: User): DeviceOwner | null {
  const owner = { tenantId, userId };
  return isDeviceOf(app, device, owner) ? owner : null;
}

/** Whether a password of that person is compared at all. */
function isTaken(user: User, isKnown: boolean, now: Date): boolean {
  const { lockedUntil } = lockOf(user, isKnown);
  return user.state === UserState.ACTIVE && (lockedUntil === null || lockedUntil <= now);
}

/** Under the session's lock: whether it is the actor's, and nobody has ended it. */
async function isOwnSession(tx: Tx, { tenantId, principalId }: Actor, sessionId: string): Promise<boolean> {
  const rows: unknown[] = await tx.query(
    "select id from user_session where tenant_id = ? and id = ? and user_id = ? and ended_at is null for update",
    [tenantId, sessionId, principalId],
  );
  return rows.length > 0;
}

function notPresent(): Error {
  return userError("UNAUTHENTICATED", { path: "/current", reason: "The password is wrong." });
}

/** Under the row's lock: the session, or null where the password was wrong or the person changed meanwhile. */
async function concluded(
  app: App,
  origin: SignInOrigin,
  { tenantId, id, passwordHash: compared }: User,
  { isRight, isKnown }: { readonly isRight: boolean; readonly isKnown: boolean },
): Promise<StartedSession | null> {
  const tenant = await tenantOf(app, tenantId);
  return transact(app, async (tx) => {
    const user = await lockUser(tx, tenantId, id);
    if (!isTaken(user, isKnown, app.clock.now()) || user.passwordHash !== compared) return null;
    if (isRight) {
      await tx.update(User, { tenantId, id }, lockColumns(NO_LOCK, isKnown));
      return signIn(app, tx, personActor(tenant, origin, user), SignInMethod.PASSWORD, origin);
    }
    const { requestId, traceparent, address } = origin;
    const nobody = { ...systemActor({ tenantId, tenantNo: tenant.no }, requestId), traceparent, address };
    await fail(app, tx, nobody, { userId: id, isKnown });
    return null;
  });
}

/** Counts a wrong password; every fifth locks the account and leaves an act, so that guessing leaves few. */
async function fail(
  app: App,
  tx: Tx,
  actor: Actor,
  { userId: id, isKnown }: { readonly userId: string; readonly isKnown: boolean },
): Promise<void> {
  const { tenantId } = actor;
  const failures = lockOf(await lockUser(tx, tenantId, id), isKnown).failures + 1;
  const now = app.clock.now();
  const lockMs = lockMsAfter(failures);
  const lockedUntil = lockMs === null ? null : later(now, lockMs);
  await tx.update(User, { tenantId, id }, lockColumns({ failures, lockedUntil }, isKnown));
  if (lockedUntil === null) return;
  const after = { to: isKnown ? "KNOWN" : "STRANGERS", failures, lockedUntil: lockedUntil.toISOString() };
  await recordActs(tx, actor, now, [{ ...about(id), type: ActType.USER_LOCKED, after }]);
}

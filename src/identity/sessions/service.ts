import { randomBytes } from "node:crypto";
import { IsNull, MoreThan } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { later } from "../../kernel/clock.js";
import { sha256 } from "../../kernel/digest.js";
import type { CodedError } from "../../kernel/errors.js";
import { isId, newId } from "../../kernel/ids.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import { isConnectionLoss, type Tx, transact } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { recent } from "../../platform/recent.js";
import { PLATFORM_TENANT_ID } from "../../tenancy/service.js";
import { ClientKind } from "../entities.js";
import { UserState } from "../users/entities.js";
import { userError } from "../users/errors.js";
import { rolesIn, scopesOfRoles } from "../users/rules.js";
import { type SignInMethod, UserSession } from "./entities.js";
import { agentOf, isOpen, SESSION_LIFE_MS } from "./rules.js";

const SECRET_BYTES = 32;
const SECRET = /^[A-Za-z0-9_-]{43}$/;
/** Open sessions that a person may have; one more ends the oldest. */
const SESSIONS_MAX = 10;
/** How long a session that ended is listed. */
const ENDED_KEPT_MS = 90 * 86_400_000;
const PURGED_MAX = 100;
/** What took longer to be answered is not believed: the session may have ended meanwhile. */
const AGE_MS_MAX = 5_000;
const TOUCH_MS = 60_000;

/** What a request brings to say which session it is of. */
export interface SessionCredentials {
  /** What the cookie holds. */
  readonly secret: string;
  readonly requestId: string;
  readonly traceparent: string | null;
  readonly address: string | null;
}

/** A session to be started: whose, how, and in which browser. */
export interface NewSession {
  readonly userId: string;
  readonly method: SignInMethod;
  readonly agent: string;
}

/** A session that was started, and the secret for its cookie, told this once. */
export interface StartedSession {
  readonly id: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly secret: string;
}

interface SessionRow {
  readonly tenantId: string;
  readonly tenantNo: number;
  readonly id: string;
  readonly userId: string;
  readonly usedAt: Date;
  readonly endsAt: Date;
  readonly endedAt: Date | null;
  readonly state: UserState;
  readonly roleList: string;
}

/** Sessions as they stood at most two seconds ago, by the hash of the secret. */
const knownSessions = recent<SessionRow | null>({ keptMax: 10_000 });

/**
 * Whom a session stands for; null for one that is unknown, over, unused for too long, or whose person was disabled.
 * What somebody ends counts within two seconds, in every process, since MySQL is asked and nothing else.
 */
export async function actorOfSession(app: App, credentials: SessionCredentials): Promise<Actor | null> {
  const row = await openRow(app, credentials.secret);
  if (row === null) return null;
  const { requestId, traceparent, address } = credentials;
  const kind = row.tenantId === PLATFORM_TENANT_ID ? ClientKind.OPERATOR : ClientKind.TENANT;
  return {
    ...{ kind: PrincipalKind[kind], tenantId: row.tenantId, tenantNo: row.tenantNo, partnerId: null },
    ...{ principalId: row.userId, requestId, traceparent, address },
    scopes: new Set(scopesOfRoles(kind, rolesIn(row.roleList))),
    expiresAt: row.endsAt,
  };
}

/** Notes that a session was used, at most once a minute; its idle time begins again. */
export async function touchSession(app: App, secret: string): Promise<void> {
  const row = await openRow(app, secret);
  const now = app.clock.now();
  if (row === null || now.getTime() - row.usedAt.getTime() < TOUCH_MS) return;
  const at = later(now, -TOUCH_MS);
  await app.database.query(
    "update user_session set used_at = ? where tenant_id = ? and id = ? and ended_at is null and used_at < ?",
    [now, row.tenantId, row.id, at],
  );
  forget(app, secret);
}

/** The id of an open session; null for any other secret. */
export async function sessionIdOf(app: App, secret: string): Promise<string | null> {
  return (await openRow(app, secret))?.id ?? null;
}

/** Starts a session in the caller's transaction, with its act; the oldest of too many ends. */
export async function startSession(app: App, tx: Tx, actor: Actor, session: NewSession): Promise<StartedSession> {
  const { tenantId, address } = actor;
  const { userId, method } = session;
  const now = app.clock.now();
  await tx.query(
    `delete from user_session where tenant_id = ? and user_id = ? and ends_at < ? order by ends_at limit ${PURGED_MAX}`,
    [tenantId, userId, later(now, -ENDED_KEPT_MS)],
  );
  const open: { id: string }[] = await tx.query(
    `select id from user_session where tenant_id = ? and user_id = ? and ended_at is null and ends_at > ?
     order by started_at desc, id desc`,
    [tenantId, userId, now],
  );
  for (const { id } of open.slice(SESSIONS_MAX - 1)) await end(app, tx, actor, { id, userId, reason: "TOO_MANY" });
  const [id, secret] = [newId("ses", app.clock), randomBytes(SECRET_BYTES).toString("base64url")];
  await tx.insert(UserSession, {
    ...{ tenantId, id, userId, secretHash: sha256(secret), method, address, agent: agentOf(session.agent) },
    ...{ startedAt: now, usedAt: now, endsAt: later(now, SESSION_LIFE_MS) },
  });
  const act = { type: ActType.USER_SESSION_STARTED, subjectId: id, partner: null, after: { user: userId, method } };
  await recordActs(tx, actor, now, [act]);
  return { id, tenantId, userId, secret };
}

/** Signs out: ends the session of that secret; one that is over already stays as it is. */
export async function signOut(app: App, credentials: SessionCredentials): Promise<void> {
  const actor = await actorOfSession(app, credentials);
  const id = await sessionIdOf(app, credentials.secret);
  if (actor === null || id === null) return;
  await transact(app, (tx) => end(app, tx, actor, { id, userId: actor.principalId, reason: "SIGNED_OUT" }));
  forget(app, credentials.secret);
}

/**
 * Ends a session: one's own, or as an administrator (`clients:manage`) anybody's of the tenant. Ending twice answers
 * the session as it stands; what the actor may not see is `NOT_FOUND`.
 */
export async function endSession(
  app: App,
  actor: Actor,
  sessionId: string,
  idempotencyKey: string | null = null,
): Promise<UserSession> {
  const { userId } = await sessionOf(app, actor, sessionId);
  const request = { operation: "endSession", idempotencyKey, input: { sessionId } };
  await once(app, actor, request, async (tx) => {
    await end(app, tx, actor, { id: sessionId, userId, reason: "ENDED" });
    return sessionId;
  });
  knownSessions(app).clear();
  return sessionOf(app, actor, sessionId);
}

/** Ends all open sessions of a person in the caller's transaction, an act each; answers how many. */
export async function endSessionsOf(
  app: App,
  tx: Tx,
  actor: Actor,
  userId: string,
  exceptId: string | null = null,
): Promise<number> {
  const rows: { id: string }[] = await tx.query(
    "select id from user_session where tenant_id = ? and user_id = ? and ended_at is null and ends_at > ? order by id",
    [actor.tenantId, userId, app.clock.now()],
  );
  const others = rows.filter(({ id }) => id !== exceptId);
  for (const { id } of others) await end(app, tx, actor, { id, userId, reason: "ENDED" });
  knownSessions(app).clear();
  return others.length;
}

/** A session of the actor's own, or of the tenant for who manages its people; else `NOT_FOUND`. */
async function sessionOf(app: App, actor: Actor, sessionId: string): Promise<UserSession> {
  const where = { tenantId: actor.tenantId, id: sessionId };
  const session = isId(sessionId, "ses") ? await app.database.manager.findOneBy(UserSession, where) : null;
  const isOwn = session?.userId === actor.principalId;
  const isManaged = actor.partnerId === null && actor.scopes.has("clients:manage");
  if (session === null || !(isOwn || isManaged)) throw userError("NOT_FOUND", { what: "session" });
  return session;
}

/** A person's sessions, newest first, those that ended in the last ninety days too. */
export async function sessionsOf(
  app: App,
  { tenantId }: Pick<Actor, "tenantId">,
  userId: string,
  request: PageRequest,
): Promise<Page<UserSession>> {
  const { rows, after } = pageStart(request, "sessions", POSITION.ID);
  const query = app.database.manager
    .createQueryBuilder(UserSession, "session")
    .where("session.tenantId = :tenantId and session.userId = :userId", { tenantId, userId });
  if (after !== null) query.andWhere("session.id < :after", { after });
  const sessions = await query
    .orderBy("session.id", "DESC")
    .limit(rows + 1)
    .getMany();
  return pageOf(sessions, rows, (session) => session.id);
}

/** The sessions of a person that may be in use, newest first; ten at most. */
export async function openSessionsOf(
  app: App,
  { tenantId }: Pick<Actor, "tenantId">,
  userId: string,
): Promise<UserSession[]> {
  const now = app.clock.now();
  const where = { tenantId, userId, endedAt: IsNull(), endsAt: MoreThan(now) };
  const sessions = await app.database.manager.find(UserSession, { where, order: { id: "DESC" }, take: SESSIONS_MAX });
  return sessions.filter((session) => isOpen(session, now));
}

/** How many sessions are listed of a person. */
export async function countSessions(app: App, { tenantId }: Pick<Actor, "tenantId">, userId: string): Promise<number> {
  return app.database.manager.countBy(UserSession, { tenantId, userId });
}

interface Ending {
  readonly id: string;
  readonly userId: string;
  readonly reason: string;
}

async function end(app: App, tx: Tx, actor: Actor, { id, userId, reason }: Ending): Promise<void> {
  const rows: { endedAt: Date | null }[] = await tx.query(
    "select ended_at as endedAt from user_session where tenant_id = ? and id = ? for update",
    [actor.tenantId, id],
  );
  if (rows[0]?.endedAt !== null) return;
  const endedAt = app.clock.now();
  await tx.update(UserSession, { tenantId: actor.tenantId, id }, { endedAt });
  const after = { user: userId, reason };
  await recordActs(tx, actor, endedAt, [{ type: ActType.USER_SESSION_ENDED, subjectId: id, partner: null, after }]);
}

async function openRow(app: App, secret: string): Promise<SessionRow | null> {
  if (!SECRET.test(secret)) return null;
  const row = await knownSessions(app).of(nameOf(secret), () => readRow(app, secret));
  return row !== null && row.state === UserState.ACTIVE && isOpen(row, app.clock.now()) ? row : null;
}

async function readRow(app: App, secret: string): Promise<SessionRow | null> {
  const beganAt = performance.now();
  const row = await sessionForAllTenants(app, sha256(secret)).catch((error: unknown) => {
    throw isConnectionLoss(error) ? unchecked() : error;
  });
  // It may have been ended while the answer was on its way.
  if (performance.now() - beganAt > AGE_MS_MAX) throw unchecked();
  return row;
}

function unchecked(): CodedError {
  return userError("UNAVAILABLE", { reason: "Access cannot be checked at the moment." });
}

async function sessionForAllTenants(app: App, secretHash: Buffer): Promise<SessionRow | null> {
  const rows: SessionRow[] = await app.database.query(
    `select /* all tenants */ session.tenant_id as tenantId, tenant.no as tenantNo, session.id,
            session.user_id as userId, session.used_at as usedAt, session.ends_at as endsAt,
            session.ended_at as endedAt, user.state, user.role_list as roleList
       from user_session session join tenant on tenant.id = session.tenant_id
       join user on user.tenant_id = session.tenant_id and user.id = session.user_id
      where session.secret_hash = ?`,
    [secretHash],
  );
  return rows[0] ?? null;
}

function forget(app: App, secret: string): void {
  knownSessions(app).forget(nameOf(secret));
}

function nameOf(secret: string): string {
  return sha256(secret).toString("base64");
}

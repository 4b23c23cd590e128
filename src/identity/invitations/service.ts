import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import { tenantOf } from "../../tenancy/service.js";
import { takesPasswords } from "../providers/service.js";
import { SignInMethod } from "../sessions/entities.js";
import { endSessionsOf, type StartedSession } from "../sessions/service.js";
import { lockColumns, NO_LOCK } from "../sign-ins/rules.js";
import { checkedPasswordHash, personActor, type SignInOrigin, signIn } from "../sign-ins/service.js";
import { User, UserState } from "../users/entities.js";
import { userError } from "../users/errors.js";
import { about, lockUser, NO_CREDENTIAL, NO_INVITATION } from "../users/service.js";
import { invitationIn } from "./rules.js";

/** What proves later who a person is: a password of ours, or a provider's word. */
export type Credential = { readonly passwordHash: string } | { readonly issuer: string; readonly subject: string };

/** The person of an open invitation; null for a text that is none, or one that is used, void or too old. */
export async function invitedBy(app: App, text: string): Promise<User | null> {
  const ref = invitationIn(app.config.masterKey, text);
  if (ref === null) return null;
  const user = await app.database.manager.findOneBy(User, { tenantId: ref.tenantId, id: ref.userId });
  return user !== null && isOpen(user, ref.invitedAt, app.clock.now()) ? user : null;
}

/**
 * Takes an invitation up with a password of one's own and signs in; the link is void afterwards, and whatever sessions
 * there were end. Refused for a link that is not open (`UNAUTHENTICATED`), where only a provider signs people in
 * (`FORBIDDEN`), and for a password that will not do (`VALIDATION`).
 */
export async function joinWithPassword(
  app: App,
  origin: SignInOrigin,
  { invitation, password }: { readonly invitation: string; readonly password: string },
): Promise<StartedSession> {
  const user = await invitedBy(app, invitation);
  if (user === null) throw notOpen();
  if (!(await takesPasswords(app, user.tenantId))) {
    throw userError("FORBIDDEN", { fault: "PROVIDER_ONLY", reason: "People sign in by the provider here." });
  }
  const knownAs = { tenantId: user.tenantId, userId: user.id };
  const hash = await checkedPasswordHash({ password, address: origin.address, knownAs }, user.email);
  const actor = personActor(await tenantOf(app, user.tenantId), origin, user);
  return transact(app, async (tx) => {
    await takeUp(app, tx, actor, invitation, { passwordHash: hash });
    return signIn(app, tx, actor, SignInMethod.PASSWORD, origin);
  });
}

/** Takes an invitation up in the caller's transaction with the credential given; refused once it is not open. */
export async function takeUp(
  app: App,
  tx: Tx,
  actor: Actor,
  invitation: string,
  credential: Credential,
): Promise<void> {
  const { tenantId, principalId: userId } = actor;
  const user = await lockUser(tx, tenantId, userId);
  const ref = invitationIn(app.config.masterKey, invitation);
  if (ref === null || ref.userId !== userId || !isOpen(user, ref.invitedAt, app.clock.now())) throw notOpen();
  await join(app, tx, actor, { user, credential });
}

/** Makes a person active with a credential in place of any other, in the caller's transaction; earlier sessions end. */
export async function join(
  app: App,
  tx: Tx,
  actor: Actor,
  { user, credential }: { readonly user: User; readonly credential: Credential },
): Promise<void> {
  const { tenantId, id, state: before } = user;
  const only = { ...NO_CREDENTIAL, ...credential };
  const unlocked = { ...lockColumns(NO_LOCK, true), ...lockColumns(NO_LOCK, false) };
  const change = { ...only, ...NO_INVITATION, ...unlocked, state: UserState.ACTIVE };
  await tx.update(User, { tenantId, id }, change);
  const sessionsEnded = await endSessionsOf(app, tx, actor, id);
  const method = "issuer" in credential ? SignInMethod.PROVIDER : SignInMethod.PASSWORD;
  const after = { state: UserState.ACTIVE, method, sessionsEnded };
  const act = { ...about(id), type: ActType.USER_JOINED, before: { state: before }, after };
  await recordActs(tx, actor, app.clock.now(), [act]);
}

function isOpen({ state, invitedAt, invitationEndsAt }: User, named: Date, now: Date): boolean {
  const isNewest = invitedAt?.getTime() === named.getTime();
  return state !== UserState.DISABLED && isNewest && invitationEndsAt !== null && now < invitationEndsAt;
}

function notOpen(): Error {
  return userError("UNAUTHENTICATED", { reason: "The invitation is used or too old; ask for another." });
}

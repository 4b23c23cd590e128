import { ActType } from "../../acts/entities.js";
import { type ActInput, recordActs } from "../../acts/service.js";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { later } from "../../kernel/clock.js";
import { isId, newId } from "../../kernel/ids.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import { isDuplicateKey, type Reader, type Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { rowOf } from "../../platform/rows.js";
import { PLATFORM_TENANT_ID } from "../../tenancy/service.js";
import { ClientKind } from "../entities.js";
import { checkNobodyIsIn, isHandingOver } from "../hand-over/service.js";
import { INVITATION_DAYS, invitationText } from "../invitations/rules.js";
import { scopeNotHeld } from "../rules.js";
import { endSessionsOf } from "../sessions/service.js";
import { type Role, User, UserState } from "./entities.js";
import { userError } from "./errors.js";
import { emailOf, roleListOf, roleRefused, rolesIn, scopesOfRoles } from "./rules.js";

const DAY_MS = 86_400_000;
const NAME_LENGTH_MAX = 200;

/** A person to be invited. */
export interface NewUser {
  readonly email: string;
  /** For people; 1–200 characters. */
  readonly name: string;
  readonly roles: readonly Role[];
}

/** An invitation as whoever made it passes it on: who has the link becomes that person. */
export interface Invitation {
  readonly url: string;
  readonly endsAt: Date;
}

/** A person who was invited, and the link. */
export interface Invited {
  readonly user: User;
  readonly invitation: Invitation;
}

/**
 * Makes a person's account and a one-time invitation. Refuses roles that may do more than the actor (`FORBIDDEN`) or
 * are not for that kind of person, and an address that is taken (`VALIDATION`). In another tenant an operator invites
 * only while nobody is in: no client of its administration, nobody who ever signed in (`FORBIDDEN`).
 */
export async function createUser(
  app: App,
  actor: Actor,
  input: NewUser,
  idempotencyKey: string | null = null,
): Promise<Invited> {
  const email = checkedEmail(input.email);
  const name = checkedName(input.name);
  const roles = checkedRoles(actor, input.roles);
  const request = { operation: "createUser", idempotencyKey, input: { email, name, roles } };
  try {
    const answer = await once(app, actor, request, async (tx) => {
      if (isHandingOver(actor)) await checkNobodyIsIn(tx, actor.tenantId);
      const [id, createdAt] = [newId("usr", app.clock), app.clock.now()];
      await tx.insert(User, {
        ...{ tenantId: actor.tenantId, id, email, name, roleList: roleListOf(roles), createdAt },
        ...{ createdBy: actor.principalId, ...openInvitation(createdAt) },
      });
      const after = { state: UserState.INVITED, roles };
      await recordActs(tx, actor, createdAt, [{ ...about(id), type: ActType.USER_CREATED, after }]);
      return `${id} ${createdAt.getTime()}`;
    });
    return await invited(app, actor, answer);
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    throw userError("VALIDATION", { path: "/email", reason: "The address belongs to another person." });
  }
}

/**
 * A new one-time invitation, for a lost password as for somebody disabled who comes back; earlier ones are void.
 * Refused for a person who may do more than the actor (`FORBIDDEN`).
 */
export async function inviteUser(
  app: App,
  actor: Actor,
  userId: string,
  idempotencyKey: string | null = null,
): Promise<Invited> {
  await userToManage(app, actor, userId);
  const request = { operation: "inviteUser", idempotencyKey, input: { userId } };
  const answer = await once(app, actor, request, async (tx) => {
    const { state: before, roleList } = await lockUser(tx, actor.tenantId, userId);
    checkMayManage(actor, rolesIn(roleList));
    const at = app.clock.now();
    const state = before === UserState.ACTIVE ? before : UserState.INVITED;
    await tx.update(User, { tenantId: actor.tenantId, id: userId }, { state, ...openInvitation(at) });
    const act = { ...about(userId), type: ActType.USER_INVITED, before: { state: before }, after: { state } };
    await recordActs(tx, actor, at, [act]);
    return `${userId} ${at.getTime()}`;
  });
  return invited(app, actor, answer);
}

/** Gives a person other roles, in force within two seconds. Nobody changes his own, or more than he himself has. */
export async function changeUserRoles(
  app: App,
  actor: Actor,
  { userId, roles: wanted }: { readonly userId: string; readonly roles: readonly Role[] },
  idempotencyKey: string | null = null,
): Promise<User> {
  await userToManage(app, actor, userId);
  checkNotOneself(actor, userId);
  const roles = checkedRoles(actor, wanted);
  const request = { operation: "changeUserRoles", idempotencyKey, input: { userId, roles } };
  await once(app, actor, request, async (tx) => {
    const before = rolesIn((await lockUser(tx, actor.tenantId, userId)).roleList);
    checkMayManage(actor, before);
    if (roleListOf(before) === roleListOf(roles)) return userId;
    await tx.update(User, { tenantId: actor.tenantId, id: userId }, { roleList: roleListOf(roles) });
    const act = { ...about(userId), type: ActType.USER_ROLES_CHANGED, before: { roles: before }, after: { roles } };
    await recordActs(tx, actor, app.clock.now(), [act]);
    return userId;
  });
  return userOf(app, actor, userId);
}

/**
 * Ends a person's sessions, in force within two seconds, and takes the password, the provider's word and the invitation
 * away. Disabling twice answers the person as he stands. Nobody disables himself, or whoever may do more.
 */
export async function disableUser(
  app: App,
  actor: Actor,
  { userId, reason }: { readonly userId: string; readonly reason: string },
  idempotencyKey: string | null = null,
): Promise<User> {
  await userToManage(app, actor, userId);
  checkNotOneself(actor, userId);
  const request = { operation: "disableUser", idempotencyKey, input: { userId, reason } };
  await once(app, actor, request, async (tx) => {
    const { state: before, roleList } = await lockUser(tx, actor.tenantId, userId);
    checkMayManage(actor, rolesIn(roleList));
    if (before === UserState.DISABLED) return userId;
    const state = UserState.DISABLED;
    const none = { ...NO_CREDENTIAL, ...NO_INVITATION };
    await tx.update(User, { tenantId: actor.tenantId, id: userId }, { state, ...none });
    const sessionsEnded = await endSessionsOf(app, tx, actor, userId);
    const after = { state, reason, sessionsEnded };
    const act = { ...about(userId), type: ActType.USER_DISABLED, before: { state: before }, after };
    await recordActs(tx, actor, app.clock.now(), [act]);
    return userId;
  });
  return userOf(app, actor, userId);
}

/** A person of the actor's tenant; partners' clients see none. Anything else is `NOT_FOUND`. */
export async function userOf(app: App, actor: Actor, userId: string): Promise<User> {
  const isForm = isId(userId, "usr") && actor.partnerId === null;
  const user = isForm ? await app.database.manager.findOneBy(User, { tenantId: actor.tenantId, id: userId }) : null;
  if (user === null) throw userError("NOT_FOUND", { what: "user" });
  return user;
}

/** The people of the actor's tenant, oldest first; partners' clients see none. */
export async function usersOf(app: App, actor: Actor, request: PageRequest): Promise<Page<User>> {
  const { rows, after } = pageStart(request, "users", POSITION.ID);
  const query = app.database.manager
    .createQueryBuilder(User, "user")
    .where("user.tenantId = :tenantId", { tenantId: actor.tenantId });
  if (actor.partnerId !== null) query.andWhere("1 = 0");
  if (after !== null) query.andWhere("user.id > :after", { after });
  const users = await query
    .orderBy("user.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(users, rows, (user) => user.id);
}

/** How many people the actor's tenant has. */
export async function countUsers(app: App, actor: Actor): Promise<number> {
  return actor.partnerId === null ? app.database.manager.countBy(User, { tenantId: actor.tenantId }) : 0;
}

/** A person whom the actor may see and who may do no more than the actor (`FORBIDDEN`). */
async function userToManage(app: App, actor: Actor, userId: string): Promise<User> {
  const user = await userOf(app, actor, userId);
  checkMayManage(actor, rolesIn(user.roleList));
  return user;
}

/** A person's row under its lock; `NOT_FOUND` where there is none. */
export async function lockUser(tx: Tx, tenantId: string, userId: string): Promise<User> {
  await tx.query("select id from user where tenant_id = ? and id = ? for update", [tenantId, userId]);
  return presentUser(tx, tenantId, userId);
}

/** The columns of a person without an open invitation. */
export const NO_INVITATION = { invitedAt: null, invitationEndsAt: null } as const;

/** The columns of a person whom neither a password nor a provider lets in. */
export const NO_CREDENTIAL = { passwordHash: null, issuer: null, subject: null } as const;

/** What an act about a person says besides its type. */
export function about(subjectId: string): Pick<ActInput, "subjectId" | "partner"> {
  return { subjectId, partner: null };
}

/** What a person is there for. */
export function rolesOf({ roleList }: User): Role[] {
  return rolesIn(roleList);
}

/** On whose behalf the people of a tenant act. */
export function kindOfPeople(tenantId: string): ClientKind {
  return tenantId === PLATFORM_TENANT_ID ? ClientKind.OPERATOR : ClientKind.TENANT;
}

async function presentUser(reader: Reader, tenantId: string, userId: string): Promise<User> {
  const user = await rowOf(reader, User, "tenant_id = ? and id = ?", [tenantId, userId]);
  if (user === null) throw userError("NOT_FOUND", { what: "user" });
  return user;
}

/** The link is made anew of what the answer names, so that a repetition gets the same one. */
async function invited(app: App, actor: Actor, answer: string): Promise<Invited> {
  const [userId = "", at = ""] = answer.split(" ");
  const { tenantId } = actor;
  const invitedAt = new Date(Number(at));
  const secret = invitationText(app.config.masterKey, { tenantId, userId, invitedAt });
  const invitation = { url: `${app.config.publicUrl}/join?invitation=${secret}`, endsAt: endOf(invitedAt) };
  return { user: await userOf(app, actor, userId), invitation };
}

function openInvitation(invitedAt: Date): Pick<User, "invitedAt" | "invitationEndsAt"> {
  return { invitedAt, invitationEndsAt: endOf(invitedAt) };
}

function endOf(invitedAt: Date): Date {
  return later(invitedAt, INVITATION_DAYS * DAY_MS);
}

/** Nobody gives away, or takes away, a scope that he lacks; an operator who hands a tenant over, and the shell, may. */
function checkMayManage(actor: Actor, roles: readonly Role[]): void {
  if (actor.partnerId !== null) throw userError("FORBIDDEN", { reason: "Partners manage no people." });
  if (actor.kind === PrincipalKind.OPERATOR_SHELL || isHandingOver(actor)) return;
  const scope = scopeNotHeld(actor.scopes, scopesOfRoles(kindOfPeople(actor.tenantId), roles));
  if (scope !== null) throw userError("FORBIDDEN", { scope, reason: "You do not hold that scope yourself." });
}

function checkNotOneself(actor: Actor, userId: string): void {
  if (actor.principalId === userId) throw userError("FORBIDDEN", { reason: "Have somebody else do that to you." });
}

function checkedRoles(actor: Actor, roles: readonly Role[]): Role[] {
  if (roles.length === 0 || roleRefused(kindOfPeople(actor.tenantId), roles) !== null) {
    const reason = roles.length === 0 ? "Name a role." : "A role is not for a person of that kind.";
    throw userError("VALIDATION", { path: "/roles", reason });
  }
  checkMayManage(actor, roles);
  return rolesIn(roleListOf(roles));
}

function checkedEmail(text: string): string {
  const email = emailOf(text);
  if (email !== null) return email;
  throw userError("VALIDATION", { path: "/email", reason: "It is no e-mail address in ASCII." });
}

function checkedName(name: string): string {
  const trimmed = name.trim();
  if (trimmed.length >= 1 && trimmed.length <= NAME_LENGTH_MAX) return trimmed;
  throw userError("VALIDATION", { path: "/name", reason: `A name has 1 to ${NAME_LENGTH_MAX} characters.` });
}

import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { actorInTenant } from "../clients/service.js";
import { UserSession } from "../sessions/entities.js";
import { countSessions, sessionsOf } from "../sessions/service.js";
import { Role, User } from "./entities.js";
import { ChangeUserRolesInput, CreateUserInput, DisableUserInput, InviteUserInput } from "./inputs.js";
import { rolesIn, scopesOfRoles } from "./rules.js";
import {
  changeUserRoles,
  countUsers,
  createUser,
  disableUser,
  type Invited,
  inviteUser,
  kindOfPeople,
  userOf,
  usersOf,
} from "./service.js";

const UserConnection = connectionType("User", User);
const UserSessionConnection = connectionType("UserSession", UserSession);

/** A one-time invitation. */
@ObjectType({ description: "A one-time invitation; hand it over where nobody else reads it." })
class UserInvitation {
  @Field(() => String, { description: "The link; whoever opens it first becomes that person." })
  readonly url!: string;

  @Field(() => Date, { description: "Until when it may be taken up." })
  readonly endsAt!: Date;
}

/** What `createUser` and `inviteUser` answer. */
@ObjectType({ description: "The person, and the invitation." })
class InvitedUserPayload {
  @Field(() => User, { description: "The person." })
  readonly user!: User;

  @Field(() => UserInvitation, { description: "The invitation that was made." })
  readonly invitation!: UserInvitation;
}

/** What mutations of a person answer. */
@ObjectType({ description: "The person as he stands now." })
export class UserPayload {
  @Field(() => User, { description: "The person." })
  readonly user!: User;
}

/** People: made, invited, given roles, disabled and read. */
@Resolver(() => User)
export class UserResolver {
  @Authorized("clients:manage", "audit:read")
  @Query(() => User, { description: "A person of the caller's tenant." })
  async user(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `usr_`." }) id: string,
  ): Promise<User> {
    return userOf(app, actor, id);
  }

  @Authorized("clients:manage", "audit:read")
  @Query(() => UserConnection, { description: "The people of the caller's tenant, disabled ones too, oldest first." })
  async users(@Ctx() { app, actor }: Context, @Args(() => PageArgs) page: PageArgs): Promise<Connection<User>> {
    return connectionOf("users", await usersOf(app, actor, page), page.after, () => countUsers(app, actor));
  }

  @Authorized("clients:manage")
  @Mutation(() => InvitedUserPayload, { description: "Make a person's account, and the invitation to it." })
  async createUser(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => CreateUserInput, { description: "Who, and what for." })
    { idempotencyKey, tenantId = null, ...input }: CreateUserInput,
  ): Promise<Invited> {
    return createUser(app, await actorInTenant(app, actor, tenantId), input, idempotencyKey);
  }

  @Authorized("clients:manage")
  @Mutation(() => InvitedUserPayload, {
    description: "Invite somebody again: who lost the password, or was disabled. The old one holds until it is used.",
  })
  async inviteUser(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => InviteUserInput, { description: "The person." }) { idempotencyKey, userId }: InviteUserInput,
  ): Promise<Invited> {
    return inviteUser(app, actor, userId, idempotencyKey);
  }

  @Authorized("clients:manage")
  @Mutation(() => UserPayload, { description: "Give a person other roles, in force within two seconds." })
  async changeUserRoles(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ChangeUserRolesInput, { description: "The person and all of the roles." })
    { idempotencyKey, ...input }: ChangeUserRolesInput,
  ): Promise<UserPayload> {
    return { user: await changeUserRoles(app, actor, input, idempotencyKey) };
  }

  @Authorized("clients:manage")
  @Mutation(() => UserPayload, {
    description: "Disable a person: sessions end within two seconds, the password and the invitation are gone.",
  })
  async disableUser(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => DisableUserInput, { description: "The person, and why." })
    { idempotencyKey, ...input }: DisableUserInput,
  ): Promise<UserPayload> {
    return { user: await disableUser(app, actor, input, idempotencyKey) };
  }

  @FieldResolver(() => [Role], { description: "What the person is there for." })
  roles(@Root() { roleList }: User): Role[] {
    return rolesIn(roleList);
  }

  @FieldResolver(() => [String], { description: "The scopes that the roles add up to." })
  scopes(@Root() { tenantId, roleList }: User): string[] {
    return scopesOfRoles(kindOfPeople(tenantId), rolesIn(roleList));
  }

  @FieldResolver(() => UserSessionConnection, {
    description: "The person's sessions, newest first, those of the last ninety days.",
  })
  async sessions(
    @Ctx() { app, actor }: Context,
    @Root() { id }: User,
    @Args(() => PageArgs) page: PageArgs,
  ): Promise<Connection<UserSession>> {
    const sessions = await sessionsOf(app, actor, id, page);
    return connectionOf("sessions", sessions, page.after, () => countSessions(app, actor, id));
  }
}

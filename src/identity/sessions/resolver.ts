import { Arg, Authorized, Ctx, Field, Mutation, ObjectType, Resolver } from "type-graphql";
import type { Context } from "../../platform/graphql.js";
import { UserSession } from "./entities.js";
import { EndSessionInput } from "./inputs.js";
import { endSession } from "./service.js";

/** What `endSession` answers. */
@ObjectType({ description: "The session, which is over." })
export class EndSessionPayload {
  @Field(() => UserSession, { description: "The session." })
  readonly session!: UserSession;
}

/** Sessions of people: ended here, listed on the person. */
@Resolver()
export class UserSessionResolver {
  @Authorized()
  @Mutation(() => EndSessionPayload, {
    description: "End a session, in force within two seconds: one's own, or with `clients:manage` anybody's.",
  })
  async endSession(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => EndSessionInput, { description: "The session." })
    { idempotencyKey, sessionId }: EndSessionInput,
  ): Promise<EndSessionPayload> {
    return { session: await endSession(app, actor, sessionId, idempotencyKey) };
  }
}

import { Arg, Authorized, Ctx, Field, Mutation, ObjectType, Resolver } from "type-graphql";
import { SettlementPeriod } from "../../periods/entities.js";
import type { Context } from "../../platform/graphql.js";
import { RetermPeriodInput } from "./inputs.js";
import { retermPeriod } from "./service.js";

/** The answer to `retermPeriod`. */
@ObjectType({ description: "The period as it stands now." })
export class RetermPeriodPayload {
  @Field(() => SettlementPeriod, { description: "The period." })
  readonly period!: SettlementPeriod;
}

/** Periods: settle them by another version. */
@Resolver()
export class OtherTermsResolver {
  @Authorized("settlements:manage")
  @Mutation(() => RetermPeriodPayload, {
    description:
      "Propose that a closed period, which its own terms cannot settle, is settled by another version, or, where" +
      " somebody else proposed the same within fourteen days, settle it so.",
  })
  async retermPeriod(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RetermPeriodInput, { description: "The period, the version, and why." })
    { idempotencyKey, ...input }: RetermPeriodInput,
  ): Promise<RetermPeriodPayload> {
    return { period: await retermPeriod(app, actor, input, idempotencyKey) };
  }
}

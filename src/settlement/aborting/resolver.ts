import { Arg, Authorized, Ctx, Field, Mutation, ObjectType, Resolver } from "type-graphql";
import { SettlementPeriod } from "../../periods/entities.js";
import type { Context } from "../../platform/graphql.js";
import { AbortPeriodInput } from "./inputs.js";
import { abortPeriod } from "./service.js";

/** The answer to `abortPeriod`. */
@ObjectType({ description: "The period as it stands now." })
export class AbortPeriodPayload {
  @Field(() => SettlementPeriod, { description: "The period." })
  readonly period!: SettlementPeriod;
}

/** Periods: give them up. */
@Resolver()
export class AbortResolver {
  @Authorized("settlements:manage")
  @Mutation(() => AbortPeriodPayload, {
    description:
      "Propose to give up an empty period, or, where somebody else proposed it within fourteen days, give it up.",
  })
  async abortPeriod(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => AbortPeriodInput, { description: "The period, and why." })
    { idempotencyKey, ...abort }: AbortPeriodInput,
  ): Promise<AbortPeriodPayload> {
    return { period: await abortPeriod(app, actor, abort, idempotencyKey) };
  }
}

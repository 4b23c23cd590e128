import { Arg, Authorized, Field, Int, ObjectType, Query, Resolver, registerEnumType } from "type-graphql";
import { FreeRoundStake } from "../terms/contract.js";
import type { RuleAnswer } from "../terms/ruling.js";
import { TryRuleInput } from "./inputs.js";
import { type RuleTrial, tryRule } from "./service.js";

registerEnumType(FreeRoundStake, {
  name: "FreeRoundStake",
  description: "At what value a stake that was a gift counts.",
  valuesConfig: {
    ZERO: { description: "Not as a stake; what it won is a bonus cost." },
    FACE_VALUE: { description: "As a stake, and as a bonus cost of the same amount; what it won is a win." },
  },
});

/** A row that fired. */
@ObjectType({ description: "A row of a decision table that fired." })
class FiredRuleRow {
  @Field(() => String, { description: "The table's name." })
  readonly node!: string;

  @Field(() => Int, { description: "Its number in the table, from 1." })
  readonly row!: number;

  @Field(() => String, { description: "Its `_id`; empty where it has none." })
  readonly id!: string;
}

/** What a rule answers about one case. */
@ObjectType({ description: "What a rule answers about one case; null is as the terms say." })
class RuleOutcome {
  @Field(() => String, { nullable: true, description: "The share's rate, from 0 to 1: a decimal, or `n/d`." })
  readonly rate!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The product category whose terms hold in the place of its own; empty for no category's.",
  })
  readonly category!: string | null;

  @Field(() => String, { nullable: true, description: "The group whose terms hold; empty for no group's." })
  readonly group!: string | null;

  @Field(() => Boolean, { nullable: true, description: "Whether its bonus cost is deducted." })
  readonly bonusCost!: boolean | null;

  @Field(() => FreeRoundStake, { nullable: true, description: "At what value the stakes of its free rounds count." })
  readonly freeRoundStake!: RuleAnswer["freeRoundStake"];

  @Field(() => [FiredRuleRow], { description: "The rows that fired, in their order." })
  readonly fired!: readonly FiredRuleRow[];

  @Field(() => String, {
    nullable: true,
    description: "Why it gives no answer, which would stop the settlement; null where it gives one.",
  })
  readonly fault!: string | null;
}

/** A rule that was tried. */
@ObjectType({ description: "What a rule answers about some cases, and what of it may surprise." })
class RuleTrialPayload {
  @Field(() => [RuleOutcome], { description: "One for each case, in their order." })
  readonly outcomes!: readonly RuleOutcome[];

  @Field(() => [String], { description: "Rows that never fire, tables without a last row for everything else." })
  readonly warnings!: readonly string[];
}

/** Rules: try. */
@Resolver()
export class RuleResolver {
  @Authorized("configs:draft")
  @Query(() => RuleTrialPayload, {
    description: "Try a rule on facts before it is drafted. Refused with the place in it where it is no rule.",
  })
  async tryRule(
    @Arg("input", () => TryRuleInput, { description: "The rule and the facts." }) input: TryRuleInput,
  ): Promise<RuleTrial> {
    return tryRule(input);
  }
}

import { Args, Authorized, Ctx, Field, FieldResolver, Int, ObjectType, Query, Resolver, Root } from "type-graphql";
import type { Context } from "../../platform/graphql.js";
import { partnerOf } from "../../tenancy/service.js";
import { ThreatContribution } from "../../threat/assessments/entities.js";
import { ThreatVerdict } from "../../threat/entities.js";
import { batchOf } from "../batches/service.js";
import { Batch } from "../entities.js";
import { RehearseThreatRulesArgs } from "./inputs.js";
import { type Rehearsal, type RehearsedBatch, rehearseThreatRules } from "./service.js";

/** What would have become of a batch. */
@ObjectType({ description: "A batch of the past that would not have passed." })
class RehearsedThreat implements RehearsedBatch {
  readonly batchId!: string;

  @Field(() => ThreatVerdict, { description: "What it would have come to." })
  readonly verdict!: ThreatVerdict;

  @Field(() => Int, { description: "The sum of what the rules would have given." })
  readonly score!: number;

  @Field(() => [ThreatContribution], { description: "The rules that would have given points, the most first." })
  readonly contributions!: readonly ThreatContribution[];
}

/** What a version of threat rules would have done. */
@ObjectType({ description: "What a version of threat rules would have done to a partner's last batches." })
class ThreatRehearsal implements Rehearsal {
  @Field(() => Int, { description: "How many batches were judged; less than asked for where they are large." })
  readonly batches!: number;

  @Field(() => Date, { nullable: true, description: "When the first of them came; null where there is none." })
  readonly since!: Date | null;

  @Field(() => [RehearsedThreat], { description: "Those that would not have passed, newest first." })
  readonly caught!: readonly RehearsedThreat[];
}

/** Rehearsals of threat rules. */
@Resolver(() => RehearsedThreat)
export class RehearsalResolver {
  @Authorized("configs:draft", "configs:approve")
  @Query(() => ThreatRehearsal, {
    description:
      "What a version of threat rules would have made of the last batches that a partner signed, as if they came to a" +
      " partner whose habits are those of now. What their senders had done before is not known any more.",
  })
  async rehearseThreatRules(
    @Ctx() { app, actor }: Context,
    @Args(() => RehearseThreatRulesArgs) { partnerId, ...args }: RehearseThreatRulesArgs,
  ): Promise<ThreatRehearsal> {
    return rehearseThreatRules(app, actor, await partnerOf(app, actor, partnerId), args);
  }

  @Authorized("batches:read")
  @FieldResolver(() => Batch, { description: "The batch." })
  batch(@Ctx() { app, actor }: Context, @Root() { batchId }: RehearsedThreat): Promise<Batch> {
    return batchOf(app, actor, batchId, null);
  }
}

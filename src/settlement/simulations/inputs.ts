import { ArrayMaxSize, IsDate, IsObject, IsOptional } from "class-validator";
import { GraphQLJSONObject } from "graphql-scalars";
import { Field, ID, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";
import { ConfigurationDocumentInput } from "../typed-documents/inputs.js";

const PARTNERS_MAX = 500;

/** What to replay, and by which draft: at most one of the three ways to name it. */
@InputType({ description: "Settled periods to be replayed, and the draft to replay them under." })
export class SimulateSettlementInput extends RepeatableInput {
  @Field(() => ID, { nullable: true, description: "One settled period; instead of a range." })
  @IsOptional()
  readonly periodId?: string | null;

  @Field(() => Date, { nullable: true, description: "Periods that start at or after it." })
  @IsOptional()
  @IsDate()
  readonly from?: Date | null;

  @Field(() => Date, { nullable: true, description: "Periods that end by it." })
  @IsOptional()
  @IsDate()
  readonly through?: Date | null;

  @Field(() => [ID], {
    nullable: true,
    description: "With a range: whose periods, at most 500 partners; left out, all partners'.",
  })
  @IsOptional()
  @ArrayMaxSize(PARTNERS_MAX)
  readonly partnerIds?: string[] | null;

  @Field(() => ID, {
    nullable: true,
    description:
      "A version in any state. With neither this nor a document, each period is replayed by its own version.",
  })
  @IsOptional()
  readonly configurationId?: string | null;

  @Field(() => GraphQLJSONObject, {
    nullable: true,
    description: "Instead: a document that is no version yet, as `schema/configuration.schema.json` says.",
  })
  @IsOptional()
  @IsObject()
  readonly document?: Record<string, unknown> | null;

  @Field(() => ConfigurationDocumentInput, {
    nullable: true,
    description: "Instead: the same as typed members, which come to the same document.",
  })
  @IsOptional()
  readonly terms?: object | null;
}

/** A simulation to be stopped. */
@InputType({ description: "A simulation to be stopped." })
export class CancelSimulationInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `sim_`." })
  readonly simulationId!: string;
}

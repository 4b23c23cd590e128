import { IsObject } from "class-validator";
import { GraphQLJSONObject } from "graphql-scalars";
import { Field, ID, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";

/** A new version of threat rules. */
@InputType({ description: "A new version of the tenant's threat rules." })
export class DraftThreatRulesInput extends RepeatableInput {
  @Field(() => GraphQLJSONObject, { description: "The document, as `schema/threat-rules.schema.json` says." })
  @IsObject()
  readonly document!: Record<string, unknown>;
}

/** A draft to be put in force. */
@InputType({ description: "A draft of threat rules to be put in force." })
export class ActivateThreatRulesInput extends RepeatableInput {
  @Field(() => ID, { description: "The draft." })
  readonly threatRulesId!: string;
}

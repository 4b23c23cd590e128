import { IsDate, IsObject, IsOptional } from "class-validator";
import { GraphQLJSONObject } from "graphql-scalars";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";

/** A new version of a configuration. */
@InputType({ description: "A new version of how a partner is settled." })
export class DraftConfigurationInput extends RepeatableInput {
  @Field(() => ID, { description: "The partner whom it settles." })
  readonly partnerId!: string;

  @Field(() => GraphQLJSONObject, { description: "The document, as `schema/configuration.schema.json` says." })
  @IsObject()
  readonly document!: Record<string, unknown>;
}

/** A version to be put in force. */
@InputType({ description: "A version to be put in force." })
export class ActivateConfigurationInput extends RepeatableInput {
  @Field(() => ID, { description: "The draft; its author may not activate it." })
  readonly configurationId!: string;

  @Field(() => Date, {
    description:
      "First instant it is in force, at most sixty days ahead; a period that holds the instant keeps its terms.",
  })
  @IsDate()
  readonly effectiveFrom!: Date;
}

/** A page of a partner's configuration versions. */
@ArgsType()
export class ConfigurationsArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Whose versions; a partner's own client may leave it out." })
  @IsOptional()
  readonly partnerId?: string | null;
}

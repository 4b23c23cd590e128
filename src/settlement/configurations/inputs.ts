import { IsDate, IsEnum, IsObject, IsOptional, Length } from "class-validator";
import { GraphQLJSONObject } from "graphql-scalars";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";
import { MidPeriod } from "../entities.js";
import { ConfigurationDocumentInput } from "../typed-documents/inputs.js";

/** A new version of a configuration. */
@InputType({ description: "A new version of how a partner is settled." })
export class DraftConfigurationInput extends RepeatableInput {
  @Field(() => ID, { description: "The partner whom it settles." })
  readonly partnerId!: string;

  @Field(() => GraphQLJSONObject, {
    nullable: true,
    description: "The document, as `schema/configuration.schema.json` says; this or `terms`.",
  })
  @IsOptional()
  @IsObject()
  readonly document?: Record<string, unknown> | null;

  @Field(() => ConfigurationDocumentInput, {
    nullable: true,
    description: "The same as typed members, which come to the same document and digest; this or `document`.",
  })
  @IsOptional()
  readonly terms?: object | null;
}

/** A draft to be approved. */
@InputType({ description: "A draft to be approved by a second person." })
export class SubmitConfigurationInput extends RepeatableInput {
  @Field(() => ID, { description: "The draft." })
  readonly configurationId!: string;

  @Field(() => Date, { description: "First instant it shall be in force, at most sixty days ahead." })
  @IsDate()
  readonly effectiveFrom!: Date;

  @Field(() => MidPeriod, {
    defaultValue: MidPeriod.NEXT_PERIOD,
    description: "What it does to the period that holds the instant.",
  })
  @IsEnum(MidPeriod)
  readonly midPeriod!: MidPeriod;
}

/** A submitted version to be returned. */
@InputType({ description: "A submitted version that shall not be put in force as it is." })
export class ReturnConfigurationInput extends RepeatableInput {
  @Field(() => ID, { description: "The version." })
  readonly configurationId!: string;

  @Field(() => String, { description: "Why, in 1–500 characters; kept with the act." })
  @Length(1, 500)
  readonly reason!: string;
}

/** A version to be put in force. */
@InputType({ description: "A version to be put in force." })
export class ActivateConfigurationInput extends RepeatableInput {
  @Field(() => ID, { description: "The submitted version; who drafted or submitted it may not activate it." })
  readonly configurationId!: string;

  @Field(() => Date, {
    nullable: true,
    description: "The instant that is approved: where it is given, it must be the one that was submitted.",
  })
  @IsOptional()
  @IsDate()
  readonly effectiveFrom?: Date | null;
}

/** A page of a partner's configuration versions. */
@ArgsType()
export class ConfigurationsArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Whose versions; a partner's own client may leave it out." })
  @IsOptional()
  readonly partnerId?: string | null;
}

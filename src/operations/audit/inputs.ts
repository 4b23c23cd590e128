import { ArrayMaxSize, IsOptional, Length } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { ActType } from "../../acts/entities.js";
import { PageArgs } from "../../platform/arguments.js";

const WORD_LENGTH_MAX = 64;
const TYPES_MAX = 20;

/** Which acts; every part given must hold. */
@InputType({ description: "Which acts; every part given must hold. One that names little is found quickly." })
export class ActFilterInput {
  @Field(() => [ActType], { nullable: true, description: "What happened: one of these, 20 at most." })
  @IsOptional()
  @ArrayMaxSize(TYPES_MAX)
  readonly types?: readonly ActType[] | null;

  @Field(() => String, { nullable: true, description: "Id of what it happened to: a key, a statement, a batch…" })
  @IsOptional()
  @Length(1, WORD_LENGTH_MAX)
  readonly subject?: string | null;

  @Field(() => ID, { nullable: true, description: "What is of that partner." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => String, { nullable: true, description: "Who did it: a client's id, `shell` or `system`." })
  @IsOptional()
  @Length(1, WORD_LENGTH_MAX)
  readonly principal?: string | null;

  @Field(() => String, { nullable: true, description: "The request by which it happened." })
  @IsOptional()
  @Length(1, WORD_LENGTH_MAX)
  readonly requestId?: string | null;

  @Field(() => String, { nullable: true, description: "Network address that it came from, whole." })
  @IsOptional()
  @Length(1, WORD_LENGTH_MAX)
  readonly address?: string | null;

  @Field(() => Date, { nullable: true, description: "Not earlier than that." })
  @IsOptional()
  readonly from?: Date | null;

  @Field(() => Date, { nullable: true, description: "Earlier than that." })
  @IsOptional()
  readonly before?: Date | null;
}

/** A page of acts. */
@ArgsType()
export class ActsArgs extends PageArgs {
  @Field(() => ActFilterInput, { nullable: true, description: "Which acts; left out, all of the tenant's." })
  @IsOptional()
  readonly filter?: ActFilterInput | null;
}

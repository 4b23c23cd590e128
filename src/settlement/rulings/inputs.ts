import { ArrayMaxSize, ArrayMinSize, IsObject, IsOptional, Matches } from "class-validator";
import { GraphQLJSONObject } from "graphql-scalars";
import { Field, InputType } from "type-graphql";

/** A rule and cases to try it on. */
@InputType({ description: "A rule and cases to try it on; nothing is stored." })
export class TryRuleInput {
  @Field(() => GraphQLJSONObject, { description: "The member `rules`, as `schema/configuration.schema.json` says." })
  @IsObject()
  readonly rules!: Record<string, unknown>;

  @Field(() => [String], {
    nullable: true,
    description: "Product categories that the document has overrides for; the rule may choose these. At most 500.",
  })
  @IsOptional()
  @ArrayMaxSize(500)
  @Matches(/^[A-Za-z0-9._:-]{1,64}$/, { each: true })
  readonly categories?: readonly string[] | null;

  @Field(() => [String], {
    nullable: true,
    description: "Groups that the document has overrides for; the rule may choose these. At most 500.",
  })
  @IsOptional()
  @ArrayMaxSize(500)
  @Matches(/^[A-Za-z0-9._:-]{1,64}$/, { each: true })
  readonly groups?: readonly string[] | null;

  @Field(() => [GraphQLJSONObject], {
    description:
      "Facts of 1–20 cases, as lines of statements show them: amounts as decimal strings, `month`, `year` and `days`" +
      " as numbers. Every fact that the rule names must be there.",
  })
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @IsObject({ each: true })
  readonly facts!: readonly Record<string, unknown>[];
}

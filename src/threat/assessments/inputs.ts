import { IsBoolean, IsEnum, IsOptional, Length } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";
import { ThreatSubject, ThreatVerdict } from "../entities.js";
import { ThreatJudgement } from "./entities.js";

/** What a person says of a verdict. */
@InputType({ description: "What a person says of a verdict." })
export class JudgeThreatAssessmentInput extends RepeatableInput {
  @Field(() => ID, { description: "The assessment." })
  readonly threatAssessmentId!: string;

  @Field(() => ThreatJudgement, { description: "Whether it was right." })
  @IsEnum(ThreatJudgement)
  readonly judgement!: ThreatJudgement;

  @Field(() => String, { description: "Why, for the audit record; 1–200 characters." })
  @Length(1, 200)
  readonly reason!: string;
}

/** A page of assessments. */
@ArgsType()
export class ThreatAssessmentsArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Only of this partner, its clients and batches." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => ThreatSubject, { nullable: true, description: "Only about such subjects." })
  @IsOptional()
  @IsEnum(ThreatSubject)
  readonly subject?: ThreatSubject | null;

  @Field(() => ThreatVerdict, { nullable: true, description: "Only those that came to this." })
  @IsOptional()
  @IsEnum(ThreatVerdict)
  readonly verdict?: ThreatVerdict | null;

  @Field(() => Boolean, { defaultValue: false, description: "Only those that no person judged yet." })
  @IsBoolean()
  readonly open!: boolean;
}

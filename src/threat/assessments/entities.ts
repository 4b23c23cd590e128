import { Field, Float, ID, Int, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, numberColumn, textColumn } from "../../platform/columns.js";
import { Tenant } from "../../tenancy/entities.js";
import { ThreatFact, ThreatSubject, ThreatVerdict } from "../entities.js";

/** What a person says of a verdict. */
export enum ThreatJudgement {
  CONFIRMED = "CONFIRMED",
  DISMISSED = "DISMISSED",
}

registerEnumType(ThreatJudgement, {
  name: "ThreatJudgement",
  description: "What a person says of a verdict.",
  valuesConfig: {
    CONFIRMED: { description: "It was right: the partner's thresholds come down a step." },
    DISMISSED: { description: "A false alarm: the partner's thresholds go up a step." },
  },
});

/** An assessment that passed nothing: who was judged, by which facts and rules, and what a person made of it. */
@ObjectType({ description: "An assessment that ended in `REVIEW` or `QUARANTINE`, with its reasons." })
@Entity({ name: "threat_assessment" })
@Index("ix_threat_assessment_subject", ["tenantNo", "subjectId"])
@Index("ix_threat_assessment_partner", ["tenantNo", "partnerNo", "id"])
@ForeignKey(() => Tenant, ["tenantNo"], ["no"], { name: "fk_threat_assessment_tenant" })
export class ThreatAssessment {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @Field(() => ID, { description: "Begins with `asm_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  /** 0 for a client of the tenant's own. */
  @Column(numberColumn)
  readonly partnerNo!: number;

  @Field(() => ThreatSubject, { description: "Whom or what it is about." })
  @Column({ type: "enum", enum: ThreatSubject })
  readonly subject!: ThreatSubject;

  @Field(() => ID, { description: "The batch, client or partner." })
  @Column(idColumn)
  readonly subjectId!: string;

  @Field(() => ID, { nullable: true, description: "The client that sent; null for what no one client did." })
  @Column({ ...idColumn, nullable: true })
  readonly clientId!: string | null;

  @Field(() => ThreatVerdict, { description: "What it came to." })
  @Column({ type: "enum", enum: ThreatVerdict })
  readonly verdict!: ThreatVerdict;

  @Field(() => Int, { description: "The sum of what the rules gave." })
  @Column(numberColumn)
  readonly score!: number;

  @Field(() => Int, { description: "The score from which on it was to be reviewed, then and for that partner." })
  @Column(numberColumn)
  readonly reviewAt!: number;

  @Field(() => Int, { description: "The score from which on it was to be quarantined, then and for that partner." })
  @Column(numberColumn)
  readonly quarantineAt!: number;

  @Field(() => ID, { nullable: true, description: "The version of the rules; null for those that every tenant has." })
  @Column({ ...idColumn, nullable: true })
  readonly rulesId!: string | null;

  /** JSON of the rules that gave points, the most first. */
  @Column({ ...textColumn, name: "contributions" })
  readonly contributionList!: string;

  @Field(() => Date, { description: "When it was assessed." })
  @Column(instantColumn)
  readonly assessedAt!: Date;

  @Field(() => ThreatJudgement, { nullable: true, description: "What a person said of it; null until one does." })
  @Column({ type: "enum", enum: ThreatJudgement, nullable: true })
  readonly judgement!: ThreatJudgement | null;

  @Field(() => String, { nullable: true, description: "Who judged it: a client's id, or `shell`." })
  @Column({ ...codeColumn, nullable: true })
  readonly judgedBy!: string | null;

  @Field(() => Date, { nullable: true, description: "When it was judged." })
  @Column({ ...instantColumn, nullable: true })
  readonly judgedAt!: Date | null;

  @Field(() => String, { nullable: true, description: "Why it was judged so." })
  @Column({ type: "varchar", length: 500, nullable: true })
  readonly judgementReason!: string | null;
}

/** What one rule gave to a score. */
@ObjectType({ description: "What one rule gave to a score, and for which value of its fact." })
export class ThreatContribution {
  @Field(() => String, { description: "The rule's id in the document of the rules." })
  readonly rule!: string;

  @Field(() => ThreatFact, { description: "What it looks at." })
  readonly fact!: ThreatFact;

  @Field(() => Float, { description: "What the fact was, to four digits." })
  readonly value!: number;

  @Field(() => Int, { description: "Points that it gave." })
  readonly points!: number;
}

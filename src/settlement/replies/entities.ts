import { Field, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, sha256Column, textColumn, wordColumn } from "../../platform/columns.js";
import { Partner } from "../../tenancy/entities.js";
import { Statement } from "../entities.js";

/** What a partner says to a statement. */
export enum ReplyKind {
  ACKNOWLEDGEMENT = "ACKNOWLEDGEMENT",
  DISPUTE = "DISPUTE",
  WITHDRAWAL = "WITHDRAWAL",
}

registerEnumType(ReplyKind, {
  name: "ReplyKind",
  description: "What a partner says to a statement.",
  valuesConfig: {
    ACKNOWLEDGEMENT: { description: "That it is right." },
    DISPUTE: { description: "That some of its lines are wrong." },
    WITHDRAWAL: { description: "That a dispute no longer stands." },
  },
});

/** What a partner signed about a statement, as it came; never changed. */
@ObjectType({ description: "What a partner signed about a statement, as it came." })
@Entity({ name: "statement_reply" })
@Index("uq_statement_reply_jti", ["tenantId", "partnerId", "jti"], { unique: true })
@Index("ix_statement_reply_statement", ["tenantId", "statementId"])
@ForeignKey(() => Partner, ["tenantId", "partnerId"], ["tenantId", "id"], { name: "fk_statement_reply_partner" })
@ForeignKey(() => Statement, ["tenantId", "statementId"], ["tenantId", "id"], { name: "fk_statement_reply_statement" })
export class StatementReply {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Column(idColumn)
  readonly partnerId!: string;

  @Column(idColumn)
  readonly statementId!: string;

  @Field(() => ReplyKind, { description: "What it says." })
  @Column(wordColumn)
  readonly kind!: ReplyKind;

  /** The dispute that it opened or withdrew; null for an acknowledgement. */
  @Column({ ...idColumn, nullable: true })
  readonly disputeId!: string | null;

  @Field(() => String, { description: "The partner's own id of it." })
  @Column(codeColumn)
  readonly jti!: string;

  @Field(() => String, { description: "The key that signed it, as its header names it." })
  @Column({ ...codeColumn, length: 128 })
  readonly kid!: string;

  @Column(sha256Column)
  readonly payloadSha256!: Buffer;

  @Field(() => String, { description: "Compact JWS, the bytes received." })
  @Column(textColumn)
  readonly jws!: string;

  @Field(() => Date, { description: "When it was taken." })
  @Column(instantColumn)
  readonly receivedAt!: Date;
}

import { Column, Entity, Index, PrimaryColumn } from "typeorm";
import { codeColumn, counterColumn, idColumn, instantColumn, sha256Column, textColumn, wordColumn } from "./columns.js";

/** The answer of a mutation, kept beside its write, so that a repeated request gets the same one. */
@Entity({ name: "idempotent_answer" })
@Index("ix_idempotent_answer_age", ["createdAt"])
export class IdempotentAnswer {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @PrimaryColumn(codeColumn)
  readonly principalId!: string;

  @PrimaryColumn({ ...codeColumn, length: 128 })
  readonly idempotencyKey!: string;

  @Column(sha256Column)
  readonly inputSha256!: Buffer;

  @Column(textColumn)
  readonly answer!: string;

  @Column(instantColumn)
  readonly createdAt!: Date;
}

/** Who leads a singleton loop, until when, and the fencing token that its transactions re-read. */
@Entity({ name: "lease" })
export class Lease {
  @PrimaryColumn(wordColumn)
  readonly name!: string;

  @Column(codeColumn)
  readonly holder!: string;

  @Column(counterColumn)
  readonly token!: bigint;

  @Column(instantColumn)
  readonly expiresAt!: Date;
}

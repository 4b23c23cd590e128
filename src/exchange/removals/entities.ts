import { Column, Entity, Index, PrimaryColumn } from "typeorm";
import { counterColumn, hash16Column, numberColumn } from "../../platform/columns.js";

/** What stays for ever of a transaction that was removed: that its id is taken, and by which content. */
@Entity({ name: "taken_id" })
@Index("ix_taken_id_batch", ["tenantNo", "partnerNo", "batchNo"])
export class TakenId {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(numberColumn)
  readonly partnerNo!: number;

  /** As the transaction's. */
  @PrimaryColumn(hash16Column)
  readonly dedupe!: Buffer;

  /** As the transaction's; tells a duplicate from a mismatch. */
  @Column(hash16Column)
  readonly contentHash!: Buffer;

  /** Number of the batch that was removed; 0 for those from before it was kept. */
  @Column({ ...counterColumn, default: 0 })
  readonly batchNo!: bigint;

  /** Of a rollback: `dedupe` of its original. */
  @Column({ ...hash16Column, nullable: true })
  readonly reverses!: Buffer | null;
}

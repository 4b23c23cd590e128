import { Column, Entity, PrimaryColumn } from "typeorm";
import { counterColumn, numberColumn, sha256Column } from "../../platform/columns.js";

/** What a batch carried; never changed. */
@Entity({ name: "batch_content" })
export class BatchContent {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(counterColumn)
  readonly batchNo!: bigint;

  /** The compact JWS, packed so that the very bytes received come out again. */
  @Column({ type: "mediumblob" })
  readonly envelope!: Buffer;
}

/** What became of the items of a posted batch; never changed. */
@Entity({ name: "batch_outcome" })
export class BatchOutcome {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(counterColumn)
  readonly batchNo!: bigint;

  /** gzip of the canonical JSON of the outcomes. */
  @Column({ type: "mediumblob" })
  readonly outcomes!: Buffer;

  @Column(sha256Column)
  readonly outcomesSha256!: Buffer;
}

import { Column, Entity, PrimaryColumn } from "typeorm";
import { hash16Column, numberColumn } from "../../platform/columns.js";

/** That a transaction is, or will be, reversed: one row an original, so it happens once. */
@Entity({ name: "reversal" })
export class Reversal {
  /** `dedupe` of the original, which may not have come yet. */
  @PrimaryColumn(hash16Column)
  readonly original!: Buffer;

  @Column(numberColumn)
  readonly tenantNo!: number;

  @Column(numberColumn)
  readonly partnerNo!: number;

  /** `dedupe` of the rollback. */
  @Column(hash16Column)
  readonly rollback!: Buffer;
}

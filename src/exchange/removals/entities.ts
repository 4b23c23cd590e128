import { Column, Entity, PrimaryColumn } from "typeorm";
import { hash16Column, numberColumn } from "../../platform/columns.js";

/** What stays for ever of a transaction that was removed: that its id is taken, and by which content. */
@Entity({ name: "taken_id" })
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
}

import { Column, Entity, PrimaryColumn } from "typeorm";
import { counterColumn, numberColumn } from "../platform/columns.js";

/** The last sequence that an act of a partner was given. */
@Entity({ name: "act_sequence" })
export class ActSequence {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(numberColumn)
  readonly partnerNo!: number;

  @Column({ ...counterColumn, default: 0 })
  readonly lastSequence!: bigint;
}

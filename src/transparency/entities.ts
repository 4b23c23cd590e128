import { Column, Entity, PrimaryColumn } from "typeorm";
import { counterColumn, instantColumn, numberColumn, sha256Column, textColumn } from "../platform/columns.js";

/** How far a tenant's tree has grown. */
@Entity({ name: "log_tree" })
export class LogTree {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  /** Leaves integrated; the next act's index. */
  @Column({ ...counterColumn, default: 0 })
  readonly size!: bigint;

  @Column(sha256Column)
  readonly root!: Buffer;
}

/** Up to 256 hashes of one level of a tenant's tree (C2SP tlog-tiles). */
@Entity({ name: "log_tile" })
export class LogTile {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn({ type: "tinyint", unsigned: true })
  readonly level!: number;

  @PrimaryColumn(counterColumn)
  readonly tileIndex!: bigint;

  @Column({ type: "varbinary", length: 8192 })
  readonly hashes!: Buffer;
}

/** A signed checkpoint of a tenant's tree (C2SP tlog-checkpoint). */
@Entity({ name: "log_checkpoint" })
export class LogCheckpoint {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(counterColumn)
  readonly size!: bigint;

  @Column(sha256Column)
  readonly root!: Buffer;

  @Column(textColumn)
  readonly note!: string;

  @Column(instantColumn)
  readonly signedAt!: Date;
}

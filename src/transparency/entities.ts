import { Field, Float, ObjectType } from "type-graphql";
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

/** That an act is in the tenant's log: all that an outsider needs to check it. */
@ObjectType({
  description: "That an act is in the tenant's log: all that an outsider needs to check it (RFC 6962, section 2.1.1).",
})
export class InclusionProof {
  @Field(() => Float, { description: "Index of the leaf in the tree, from 0; a whole number." })
  readonly index!: number;

  @Field(() => String, {
    description: "The leaf: canonical JSON (RFC 8785). Its hash is SHA-256 over a zero byte and these bytes.",
  })
  readonly leaf!: string;

  @Field(() => String, {
    nullable: true,
    description: "Canonical JSON whose SHA-256 the leaf states: what the act says came of it. Null once it was erased.",
  })
  readonly detail!: string | null;

  @Field(() => String, { description: "Hash of the leaf, in hexadecimal; the receipt states it as well." })
  readonly leafHash!: string;

  @Field(() => [String], { description: "Hashes of the proof in base64, from the leaf's sibling to the root." })
  readonly hashes!: readonly string[];

  @Field(() => String, { description: "The checkpoint that the proof leads to: a signed note (C2SP tlog-checkpoint)." })
  readonly checkpoint!: string;
}

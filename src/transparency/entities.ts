import { Field, Float, ObjectType } from "type-graphql";
import { Column, Entity, PrimaryColumn } from "typeorm";
import {
  codeColumn,
  counterColumn,
  instantColumn,
  numberColumn,
  sha256Column,
  textColumn,
  wordColumn,
} from "../platform/columns.js";

/** The name of a key that signs notes: a log's or a witness'. */
const noteNameColumn = { ...codeColumn, length: 128 } as const;

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

  /** Of the log's key that signed it. */
  @Column({ ...numberColumn, default: 1 })
  readonly generation!: number;

  @Column(textColumn)
  readonly note!: string;

  @Column(instantColumn)
  readonly signedAt!: Date;
}

/** The key that signs a tenant's checkpoints, and nothing else; the newest generation signs. */
@Entity({ name: "log_key" })
export class LogKey {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(numberColumn)
  readonly generation!: number;

  /** Origin of the checkpoints and name of the key: what readers pin. */
  @Column(noteNameColumn)
  readonly name!: string;

  @Column({ ...codeColumn, length: 128 })
  readonly kid!: string;

  @Column(textColumn)
  readonly publicJwk!: string;

  /** The private JWK under AES-256-GCM with the master key. */
  @Column({ type: "varbinary", length: 512 })
  readonly privateJwkSealed!: Buffer;

  @Column(instantColumn)
  readonly createdAt!: Date;
}

/** A witness' cosignature of a checkpoint (C2SP tlog-cosignature). */
@Entity({ name: "log_cosignature" })
export class LogCosignature {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(counterColumn)
  readonly size!: bigint;

  @PrimaryColumn(noteNameColumn)
  readonly witness!: string;

  /** As it stands on the note, newline and all. */
  @Column(textColumn)
  readonly line!: string;

  @Column(instantColumn)
  readonly cosignedAt!: Date;
}

/** What is kept of a tenant's log outside the database: by a witness, or in the anchor file. */
@ObjectType({ description: "Who holds the log to its word outside of it: a witness, or the operator's anchor file." })
@Entity({ name: "log_anchor" })
export class LogAnchor {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @Field(() => String, { description: "Name of the witness' key, or `file`." })
  @PrimaryColumn(noteNameColumn)
  readonly name!: string;

  @Field(() => Float, { description: "Leaves of the newest checkpoint that it is known to hold; 0 before the first." })
  @Column(counterColumn)
  readonly size!: bigint;

  @Field(() => Date, { nullable: true, description: "When it took that checkpoint; null before the first." })
  @Column({ ...instantColumn, nullable: true })
  readonly heldAt!: Date | null;

  @Field(() => String, {
    nullable: true,
    description: "What was wrong when it was last asked, e.g. `AWAY`; null when nothing was.",
  })
  @Column({ ...wordColumn, nullable: true })
  readonly fault!: string | null;

  @Field(() => Date, {
    nullable: true,
    description: "Until when the log may be signed without having heard this witness; null where it may not.",
  })
  @Column({ ...instantColumn, nullable: true })
  readonly waivedUntil!: Date | null;
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

  @Field(() => String, {
    description: "The checkpoint that the proof leads to: a signed note (C2SP tlog-checkpoint), witnesses' lines too.",
  })
  readonly checkpoint!: string;

  @Field(() => String, {
    description: "All of it as one file (`c2sp.org/tlog-proof@v1`), for `quittance verify proof` and other tools.",
  })
  readonly file!: string;
}

/** A checkpoint as it is shown. */
@ObjectType({ description: "What the log says of itself at one size, signed." })
export class Checkpoint {
  @Field(() => Float, { description: "Leaves in the tree; a whole number." })
  readonly size!: number;

  @Field(() => String, { description: "Hash of the tree's root in base64 (RFC 6962, section 2.1)." })
  readonly root!: string;

  @Field(() => String, { description: "Signed note (C2SP tlog-checkpoint) with the lines of witnesses that cosigned." })
  readonly note!: string;

  @Field(() => Date, { description: "When it was signed." })
  readonly signedAt!: Date;
}

/** That a smaller tree is the beginning of a larger one. */
@ObjectType({ description: "That the tree of one size is the beginning of the tree of another (RFC 6962, 2.1.2)." })
export class ConsistencyProof {
  @Field(() => Float, { description: "Size of the smaller tree." })
  readonly from!: number;

  @Field(() => Float, { description: "Size of the larger tree." })
  readonly to!: number;

  @Field(() => [String], { description: "Hashes of the proof in base64, in the order of RFC 6962." })
  readonly hashes!: readonly string[];
}

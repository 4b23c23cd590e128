import { Column, Entity, Index, PrimaryColumn } from "typeorm";
import { hash16Column, instantColumn } from "../../platform/columns.js";

/** A DPoP proof that was used while Redis was away; a second use is a replay (RFC 9449, section 11.1). */
@Entity({ name: "seen_proof" })
@Index("ix_seen_proof_expiry", ["expiresAt"])
export class SeenProof {
  /** Of the key's thumbprint and the proof's `jti`. */
  @PrimaryColumn(hash16Column)
  readonly proofHash!: Buffer;

  @Column(instantColumn)
  readonly expiresAt!: Date;
}

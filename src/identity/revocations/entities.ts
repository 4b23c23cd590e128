import { Column, Entity, Index, PrimaryColumn } from "typeorm";
import { idColumn, instantColumn } from "../../platform/columns.js";

/** An access token that was revoked before its end (RFC 7009); kept until then. */
@Entity({ name: "revoked_token" })
@Index("ix_revoked_token_expiry", ["expiresAt"])
export class RevokedToken {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  /** The token's own id. */
  @PrimaryColumn(idColumn)
  readonly jti!: string;

  @Column(idColumn)
  readonly clientId!: string;

  @Column(instantColumn)
  readonly expiresAt!: Date;
}

import { Column, Entity, ForeignKey, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, nameColumn } from "../../platform/columns.js";
import { Tenant } from "../../tenancy/entities.js";

const longCode = { ...codeColumn, length: 255 } as const;

/** The OpenID provider of a tenant's people, or of operators for the reserved tenant; one each. */
@Entity({ name: "sign_in_provider" })
@ForeignKey(() => Tenant, ["tenantId"], ["id"], { name: "fk_sign_in_provider_tenant" })
export class SignInProvider {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  /** As its ID tokens name it, byte by byte. */
  @Column(longCode)
  readonly issuer!: string;

  @Column(longCode)
  readonly clientId!: string;

  /** Under the master key. */
  @Column({ type: "varbinary", length: 1024 })
  readonly clientSecretSealed!: Buffer;

  /** What the button says. */
  @Column(nameColumn)
  readonly name!: string;

  /** Whether tenants that have none of their own sign in here too; only of the reserved tenant. */
  @Column({ type: "boolean" })
  readonly servesAllTenants!: boolean;

  /** Whether people may still sign in by password. */
  @Column({ type: "boolean" })
  readonly allowsPasswords!: boolean;

  @Column(codeColumn)
  readonly setBy!: string;

  @Column(instantColumn)
  readonly setAt!: Date;
}

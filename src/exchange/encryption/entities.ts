import { Field, ObjectType } from "type-graphql";
import { Column, Entity, ForeignKey, PrimaryColumn } from "typeorm";
import { idColumn, instantColumn } from "../../platform/columns.js";
import { Partner } from "../../tenancy/entities.js";

/** That a partner's batches are, or once were, to come encrypted. */
@Entity({ name: "encryption_demand" })
@ForeignKey(() => Partner, ["tenantId", "partnerId"], ["tenantId", "id"], { name: "fk_encryption_demand_partner" })
export class EncryptionDemand {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @PrimaryColumn(idColumn)
  readonly partnerId!: string;

  @Column({ type: "boolean" })
  readonly isInForce!: boolean;

  @Column(instantColumn)
  readonly changedAt!: Date;
}

/** How a batch came encrypted. */
@ObjectType({ description: "How a batch came encrypted; what is kept is the signed batch inside." })
export class CameEncrypted {
  @Field(() => String, { description: "The tenant's encryption key that opened it." })
  readonly kid!: string;

  @Field(() => String, { description: "SHA-256 of the encrypted bytes as they came, in hexadecimal." })
  readonly sha256!: string;
}

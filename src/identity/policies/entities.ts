import { Field, Int, ObjectType } from "type-graphql";
import { Column, Entity, ForeignKey, PrimaryColumn } from "typeorm";
import { idColumn, instantColumn, numberColumn } from "../../platform/columns.js";
import { Client } from "../entities.js";

/** What a client may ask, where that is not what any client may. */
@ObjectType({ description: "What a client may ask of the API, where that is not what any client may." })
@Entity({ name: "client_policy" })
@ForeignKey(() => Client, ["tenantId", "clientId"], ["tenantId", "id"], { name: "fk_client_policy_client" })
export class ClientPolicy {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @PrimaryColumn(idColumn)
  readonly clientId!: string;

  @Field(() => Int, {
    nullable: true,
    description: "Points in ten seconds, of which a plain request takes one; null for what the installation allows.",
  })
  @Column({ ...numberColumn, nullable: true })
  readonly ratePoints!: number | null;

  @Field(() => Boolean, { description: "Whether it may run registered documents only." })
  @Column({ type: "boolean", default: false })
  readonly trustedDocumentsOnly!: boolean;

  @Column(instantColumn)
  readonly changedAt!: Date;
}

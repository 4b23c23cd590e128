import { Field, Int, ObjectType } from "type-graphql";
import { Column, Entity, ForeignKey, PrimaryColumn } from "typeorm";
import { instantColumn, numberColumn, wordColumn } from "../../platform/columns.js";
import { Partner } from "../../tenancy/entities.js";

/** What keeps a partner's next period from being settled by itself; of no account once that is settled or aborted. */
@ObjectType({ description: "What keeps a period from being settled by itself, and when that is tried again." })
@Entity({ name: "settlement_incident" })
@ForeignKey(() => Partner, ["tenantNo", "partnerNo"], ["tenantNo", "no"], { name: "fk_settlement_incident_partner" })
export class SettlementIncident {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(numberColumn)
  readonly partnerNo!: number;

  @Column(numberColumn)
  readonly periodNo!: number;

  @Field(() => String, { description: "The code of what it was refused with last, `RATE_MISSING` for one." })
  @Column(wordColumn)
  readonly code!: string;

  @Field(() => String, { description: "The reason in words." })
  @Column({ type: "varchar", length: 500 })
  readonly reason!: string;

  @Field(() => Int, { description: "How often it was tried; counted anew after somebody mended something." })
  @Column(numberColumn)
  readonly tries!: number;

  @Field(() => Date, { description: "When it was refused first." })
  @Column(instantColumn)
  readonly since!: Date;

  @Field(() => Date, { description: "When it was refused last." })
  @Column(instantColumn)
  readonly triedAt!: Date;

  @Field(() => Date, { description: "When it is tried again by itself, unless something is mended before." })
  @Column(instantColumn)
  readonly nextTryAt!: Date;
}

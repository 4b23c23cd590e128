import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, wordColumn } from "../../platform/columns.js";
import { CurrencyCode } from "../../platform/graphql.js";
import { Tenant } from "../../tenancy/entities.js";
import { RateType } from "../terms/fx.js";

registerEnumType(RateType, {
  name: "ExchangeRateType",
  description: "How an exchange rate came about.",
  valuesConfig: {
    TRANSACTION: { description: "At a transaction. Kept for reference; settlement keeps no amounts by transaction." },
    DAILY_CLOSE: { description: "At the end of a day: settles periods of a day." },
    PERIOD_AVG: { description: "The average of a period." },
    PERIOD_CLOSE: { description: "At the end of a period." },
  },
});

/** A rate that the tenant entered: so many units of `quote` for one of `base`. */
@ObjectType("ExchangeRate", {
  description:
    "A rate that the tenant entered: so many units of `quote` for one of `base`. Once used, it never changes.",
})
@Entity({ name: "exchange_rate" })
@Index("uq_exchange_rate", ["tenantId", "base", "quote", "type", "source", "asOf"], { unique: true })
@ForeignKey(() => Tenant, ["tenantId"], ["id"], { name: "fk_exchange_rate_tenant" })
export class StoredRate {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `fxr_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Field(() => CurrencyCode, { description: "What is converted." })
  @Column(wordColumn)
  readonly base!: string;

  @Field(() => CurrencyCode, { description: "What it becomes." })
  @Column(wordColumn)
  readonly quote!: string;

  @Field(() => RateType, { description: "How it came about." })
  @Column({ type: "enum", enum: RateType })
  readonly type!: RateType;

  @Field(() => String, { description: "Who says so, e.g. `ECB`." })
  @Column(codeColumn)
  readonly source!: string;

  @Field(() => Date, { description: "The instant it is of." })
  @Column(instantColumn)
  readonly asOf!: Date;

  @Field(() => String, { description: "Units of `quote` for one of `base`: an exact decimal." })
  @Column(codeColumn)
  readonly rate!: string;

  @Field(() => String, { description: "Who entered it." })
  @Column(codeColumn)
  readonly enteredBy!: string;

  @Field(() => Date, { description: "When it was entered." })
  @Column(instantColumn)
  readonly enteredAt!: Date;

  @Field(() => Date, { nullable: true, description: "When a statement first used it; from then on it never changes." })
  @Column({ ...instantColumn, nullable: true })
  readonly usedAt!: Date | null;
}

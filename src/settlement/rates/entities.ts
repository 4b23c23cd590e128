import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, wordColumn } from "../../platform/columns.js";
import { CurrencyCode } from "../../platform/graphql.js";
import { Tenant } from "../../tenancy/entities.js";
import { RateType } from "../terms/fx.js";

/** How a rate may have come about. */
export const RATE_TYPES: readonly RateType[] = Object.values(RateType);

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

/** Where a rate that was entered stands. */
export enum ExchangeRateState {
  PENDING_APPROVAL = "PENDING_APPROVAL",
  ACTIVE = "ACTIVE",
  SUPERSEDED = "SUPERSEDED",
  REFUSED = "REFUSED",
}

registerEnumType(ExchangeRateState, {
  name: "ExchangeRateState",
  description: "Where an exchange rate that was entered stands.",
  valuesConfig: {
    PENDING_APPROVAL: {
      description: "Entered; a second person lets it stand or refuses it. Nothing is settled by it.",
    },
    ACTIVE: { description: "It stands: statements that are made from now on use it." },
    SUPERSEDED: { description: "Another one of the same instant took its place before any statement used it." },
    REFUSED: { description: "It never stood." },
  },
});

/**
 * A rate that the tenant entered: so many units of `quote` for one of `base`. A row each time; of the same currencies,
 * type, source and instant at most one is ACTIVE.
 */
@ObjectType("ExchangeRate", {
  description:
    "A rate that the tenant entered: so many units of `quote` for one of `base`. Once used, it never changes.",
})
@Entity({ name: "exchange_rate" })
@Index("ix_exchange_rate", ["tenantId", "base", "quote", "type", "source", "asOf"])
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

  @Field(() => ExchangeRateState, { description: "Where it stands." })
  @Column({ type: "enum", enum: ExchangeRateState, default: ExchangeRateState.PENDING_APPROVAL })
  readonly state!: ExchangeRateState;

  @Field(() => String, { description: "Who entered it: a client's or a person's id, or `shell`." })
  @Column(codeColumn)
  readonly enteredBy!: string;

  @Field(() => Date, { description: "When it was entered." })
  @Column(instantColumn)
  readonly enteredAt!: Date;

  @Field(() => String, {
    nullable: true,
    description: "Who approved or refused it; null before, and where one person sufficed.",
  })
  @Column({ ...codeColumn, nullable: true })
  readonly decidedBy!: string | null;

  @Field(() => Date, { nullable: true, description: "When that was." })
  @Column({ ...instantColumn, nullable: true })
  readonly decidedAt!: Date | null;

  @Field(() => Date, { nullable: true, description: "When a statement first used it; from then on it never changes." })
  @Column({ ...instantColumn, nullable: true })
  readonly usedAt!: Date | null;
}

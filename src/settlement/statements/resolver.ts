import { GraphQLJSONObject } from "graphql-scalars";
import { Arg, Args, Authorized, Ctx, Field, FieldResolver, ID, ObjectType, Query, Resolver, Root } from "type-graphql";
import { ActType } from "../../acts/entities.js";
import { present } from "../../kernel/assert.js";
import { SettlementPeriod } from "../../periods/entities.js";
import { periodsByNumber } from "../../periods/service.js";
import {
  type Connection,
  type Context,
  CurrencyCode,
  connectionOf,
  connectionType,
  Decimal,
  Money,
} from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { partnerNamedOrOwn, partnersByNumber } from "../../tenancy/service.js";
import { InclusionProof } from "../../transparency/entities.js";
import { inclusionProofOf } from "../../transparency/proving/service.js";
import { configurationsById } from "../configurations/service.js";
import { Configuration, Statement } from "../entities.js";
import type { StatementDocument } from "../statement-schema.js";
import { StatementsArgs } from "./inputs.js";
import { countStatements, documentOf, encryptedStatement, statementOf, statementsOf } from "./service.js";

const StatementConnection = connectionType("Statement", Statement);

/** One step of a statement's calculation. */
@ObjectType({ description: "One step of a statement's calculation; the JWS holds the same." })
export class StatementLine {
  @Field(() => String, { description: "What the line is, e.g. `GGR`, `SHARE`, `PAYABLE`." })
  readonly code!: string;

  @Field(() => String, {
    description: "`BASE` is working; `EARNED`, `ADJUSTMENTS`, `RESERVE` are money; `POSITION` ends.",
  })
  readonly section!: string;

  @Field(() => String, { description: "The part of the activity, fee or payee it is about; empty for the whole." })
  readonly scope!: string;

  @Field(() => String, { description: "What it is, for people." })
  readonly description!: string;

  @Field(() => String, { description: "Arithmetic over the names in `inputs`." })
  readonly formula!: string;

  @Field(() => GraphQLJSONObject, { description: "What the formula is fed: exact decimals, or `n/d`, by name." })
  readonly inputs!: Record<string, unknown>;

  @Field(() => String, { description: "What the formula gives, exactly: a decimal, or `n/d`." })
  readonly result!: string;

  @Field(() => Decimal, { nullable: true, description: "The money of the line; null for one that is working only." })
  readonly amount!: string | null;

  @Field(() => String, { nullable: true, description: "JSON pointer to the member of the configuration it obeys." })
  readonly term!: string | null;

  @Field(() => GraphQLJSONObject, {
    nullable: true,
    description: "On lines of a rule: the `facts` it was told, its `answer`, and the rows that `fired`.",
  })
  readonly rule?: Record<string, unknown>;
}

/** Statements: read. */
@Resolver(() => Statement)
export class StatementResolver {
  @Authorized("settlements:read")
  @Query(() => Statement, { description: "A statement by its id." })
  async statement(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `stm_`." }) id: string,
  ): Promise<Statement> {
    return statementOf(app, actor, id);
  }

  @Authorized("settlements:read")
  @Query(() => StatementConnection, { description: "A partner's statements, newest period first." })
  async statements(
    @Ctx() { app, actor }: Context,
    @Args(() => StatementsArgs) args: StatementsArgs,
  ): Promise<Connection<Statement>> {
    const partner = await partnerNamedOrOwn(app, actor, args.partnerId ?? null);
    const currency = args.currency ?? null;
    const page = await statementsOf(app, partner, currency, args);
    return connectionOf("statements", page, args.after, () => countStatements(app, partner, currency));
  }

  @FieldResolver(() => Partner, { description: "Whom it settles." })
  async partner(@Ctx() { app, actor, loaders }: Context, @Root() statement: Statement): Promise<Partner> {
    return loaders
      .of("partner", (numbers: readonly number[]) => partnersByNumber(app, actor, numbers))
      .load(statement.partnerNo);
  }

  @FieldResolver(() => SettlementPeriod, { description: "The period it settles." })
  async period(@Ctx() { app, actor, loaders }: Context, @Root() statement: Statement): Promise<SettlementPeriod> {
    const load = async (numbers: readonly number[]) => {
      const periods = await periodsByNumber(app.database.manager, actor.tenantNo, numbers);
      return numbers.map((no) => periods.get(no) ?? null);
    };
    return present(await loaders.of("period", load).load(statement.periodNo), "the period of a statement");
  }

  @FieldResolver(() => Configuration, { description: "The configuration version it was calculated by." })
  async configuration(@Ctx() { app, actor, loaders }: Context, @Root() statement: Statement): Promise<Configuration> {
    return loaders
      .of("configuration", (ids: readonly string[]) => configurationsById(app, actor.tenantId, ids))
      .load(statement.configurationId);
  }

  @FieldResolver(() => String, { description: "Signed document: compact JWS, `quittance-statement+jws`." })
  jws(@Root() statement: Statement): string {
    return statement.jws;
  }

  @FieldResolver(() => InclusionProof, {
    nullable: true,
    description: "Proof that its issue, with the JWS' SHA-256, is in the tenant's log; null for some seconds.",
  })
  inclusionProof(@Ctx() { app, actor }: Context, @Root() statement: Statement): Promise<InclusionProof | null> {
    return inclusionProofOf(app, actor, { type: ActType.STATEMENT_ISSUED, subjectId: statement.id });
  }

  @FieldResolver(() => String, {
    nullable: true,
    description:
      "The JWS encrypted for the partner alone: compact JWE, `cty: quittance-statement+jws`, another one each time." +
      " Null where the partner has no key for that.",
  })
  jwe(
    @Ctx() { app, actor }: Context,
    @Root() statement: Statement,
    @Arg("keyId", () => ID, {
      nullable: true,
      description: "An encryption key of the statement's partner; the newest where none is named.",
    })
    keyId: string | null,
  ): Promise<string | null> {
    return encryptedStatement(app, actor, statement, { keyId });
  }

  @FieldResolver(() => GraphQLJSONObject, {
    description: "What the JWS signs, as `schema/statement.schema.json` says: terms, totals, lines, amounts.",
  })
  document(@Root() statement: Statement): StatementDocument {
    return documentOf(statement);
  }

  @FieldResolver(() => [StatementLine], { description: "The calculation, step by step." })
  lines(@Root() statement: Statement): StatementLine[] {
    return documentOf(statement).lines;
  }

  @FieldResolver(() => CurrencyCode, { description: "The currency of every amount on it." })
  currency(@Root() statement: Statement): string {
    return statement.currency;
  }

  @FieldResolver(() => Money, { description: "The position before: positive where the tenant owes the partner." })
  opening(@Root() { openingMinor, currency }: Statement): Money {
    return new Money(openingMinor, currency);
  }

  @FieldResolver(() => Money, { description: "Shares, fees and jackpots of the period." })
  earned(@Root() { earnedMinor, currency }: Statement): Money {
    return new Money(earnedMinor, currency);
  }

  @FieldResolver(() => Money, { description: "Corrections; positive in the partner's favour." })
  adjustments(@Root() { adjustmentsMinor, currency }: Statement): Money {
    return new Money(adjustmentsMinor, currency);
  }

  @FieldResolver(() => Money, { description: "Withheld for the rolling reserve." })
  reserveHeld(@Root() statement: Statement): Money {
    return moneyOf(statement, "reserveHeld");
  }

  @FieldResolver(() => Money, { description: "Released from the rolling reserve." })
  reserveReleased(@Root() statement: Statement): Money {
    return moneyOf(statement, "reserveReleased");
  }

  @FieldResolver(() => Money, {
    nullable: true,
    description: "Of `payable`, what prepaid credit met; below zero: what refilled it. Null where there is no credit.",
  })
  creditMet(@Root() statement: Statement): Money | null {
    const { creditMet } = documentOf(statement);
    return creditMet === undefined ? null : new Money(minorOf(creditMet), statement.currency);
  }

  @FieldResolver(() => Money, { description: "Tax withheld of what it releases; the rest is paid out." })
  taxWithheld(@Root() statement: Statement): Money {
    return moneyOf(statement, "taxWithheld");
  }

  @FieldResolver(() => Money, { description: "What it releases for payment; below zero: what is to be collected." })
  payable(@Root() { payableMinor, currency }: Statement): Money {
    return new Money(payableMinor, currency);
  }

  @FieldResolver(() => Money, {
    description:
      "opening + earned + adjustments − reserveHeld + reserveReleased − payable; it opens the currency's next.",
  })
  closing(@Root() { closingMinor, currency }: Statement): Money {
    return new Money(closingMinor, currency);
  }
}

/** An amount that the document alone holds, with the currency's decimals. */
function moneyOf(statement: Statement, member: "reserveHeld" | "reserveReleased" | "taxWithheld"): Money {
  return new Money(minorOf(documentOf(statement)[member]), statement.currency);
}

function minorOf(amount: string): bigint {
  return BigInt(amount.replace(".", ""));
}

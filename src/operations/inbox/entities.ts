import { Field, ID, Int, ObjectType, registerEnumType } from "type-graphql";
import type { Scope } from "../../kernel/actor.js";
import { CurrencyCode } from "../../platform/graphql.js";

/** What may wait for a second person. */
export enum AwaitedKind {
  CONFIGURATION = "CONFIGURATION",
  GAME_SETTINGS = "GAME_SETTINGS",
  EXCHANGE_RATE = "EXCHANGE_RATE",
  STATEMENT = "STATEMENT",
  STATEMENT_RELEASE = "STATEMENT_RELEASE",
  DISPUTE_ANSWER = "DISPUTE_ANSWER",
  PERIOD_ABORT = "PERIOD_ABORT",
  PERIOD_TERMS = "PERIOD_TERMS",
  PAYOUT_ACCOUNT = "PAYOUT_ACCOUNT",
  COLLECTION = "COLLECTION",
  RETENTION_CHANGE = "RETENTION_CHANGE",
  THREAT_RULES = "THREAT_RULES",
  KEY = "KEY",
  INVITATION = "INVITATION",
}

registerEnumType(AwaitedKind, {
  name: "AwaitedKind",
  description: "What waits for a person's approval, and by which mutation it is given.",
  valuesConfig: {
    CONFIGURATION: { description: "A submitted version of a partner's terms: `activateConfiguration`." },
    GAME_SETTINGS: { description: "Proposed settings of a game or of a game type: `approveGameSettings`." },
    EXCHANGE_RATE: { description: "An entered exchange rate: `approveExchangeRate`." },
    STATEMENT: { description: "An issued statement whose terms ask for people: `approveStatement`." },
    STATEMENT_RELEASE: { description: "An approved statement whose money is not released: `releaseStatement`." },
    DISPUTE_ANSWER: { description: "An answer to a dispute that moves money: `approveDisputeAnswer`." },
    PERIOD_ABORT: { description: "An empty period that somebody proposed to give up: `abortPeriod`." },
    PERIOD_TERMS: {
      description: "A closed period that somebody proposed to settle by another version: `retermPeriod`.",
    },
    PAYOUT_ACCOUNT: { description: "A registered bank account: `approvePayoutAccount`." },
    COLLECTION: { description: "A recorded payment by a partner: `approveCollection`." },
    RETENTION_CHANGE: { description: "A proposal about retention: `approveRetentionChange`." },
    THREAT_RULES: { description: "A draft of threat rules, newer than those in force: `activateThreatRules`." },
    KEY: { description: "A registered key of a client: `approveKey`, once its thumbprint was compared." },
    INVITATION: {
      description: "An invitation that its person has not taken up. Where the link was lost: `inviteUser`.",
    },
  },
});

/** How a kind is decided. */
export interface Deciding {
  /** The scope that decides: nobody is shown what he cannot decide on. */
  readonly scope: Scope;
  readonly mutation: string;
  /** The field of the mutation's input that names what waits. */
  readonly argument: string;
}

/** How each kind is decided. */
export const DECIDING: Readonly<Record<AwaitedKind, Deciding>> = {
  CONFIGURATION: deciding("configs:approve", "activateConfiguration", "configurationId"),
  GAME_SETTINGS: deciding("configs:approve", "approveGameSettings", "gameSettingsId"),
  EXCHANGE_RATE: deciding("settlements:manage", "approveExchangeRate", "exchangeRateId"),
  STATEMENT: deciding("settlements:manage", "approveStatement", "statementId"),
  STATEMENT_RELEASE: deciding("settlements:manage", "releaseStatement", "statementId"),
  DISPUTE_ANSWER: deciding("settlements:manage", "approveDisputeAnswer", "disputeId"),
  PERIOD_ABORT: deciding("settlements:manage", "abortPeriod", "periodId"),
  PERIOD_TERMS: deciding("settlements:manage", "retermPeriod", "periodId"),
  PAYOUT_ACCOUNT: deciding("payouts:manage", "approvePayoutAccount", "payoutAccountId"),
  COLLECTION: deciding("payouts:manage", "approveCollection", "collectionId"),
  RETENTION_CHANGE: deciding("configs:approve", "approveRetentionChange", "retentionChangeId"),
  THREAT_RULES: deciding("configs:approve", "activateThreatRules", "threatRulesId"),
  KEY: deciding("keys:manage", "approveKey", "keyId"),
  INVITATION: deciding("clients:manage", "inviteUser", "userId"),
};

function deciding(scope: Scope, mutation: string, argument: string): Deciding {
  return { scope, mutation, argument };
}

/** What was proposed about a period, as the second person must ask for it. */
@ObjectType({ description: "What was proposed about a period, as the second person must ask for it." })
export class PeriodProposal {
  @Field(() => String, { description: "Why." })
  readonly reason!: string;

  @Field(() => ID, {
    nullable: true,
    description: "The version that would settle it; null where it is to be given up.",
  })
  readonly configurationId!: string | null;
}

/** One thing that waits for a person's approval. */
@ObjectType({ description: "One thing that waits for a person's approval." })
export class AwaitedApproval {
  /** Null where it is of no one partner. */
  readonly partnerNo!: number | null;

  readonly amountMinor!: bigint | null;

  /** The version of terms that a proposal about a period names; null for what names none. */
  readonly version!: string | null;

  @Field(() => AwaitedKind, { description: "What it is, and by which mutation it is approved." })
  readonly kind!: AwaitedKind;

  @Field(() => String, { description: "Its id." })
  readonly subject!: string;

  @Field(() => String, { nullable: true, description: "Who proposed or approved it so far; null: nobody yet." })
  readonly proposedBy!: string | null;

  @Field(() => Date, { description: "Since when it waits." })
  readonly since!: Date;

  @Field(() => Int, { description: "For how many whole days it has waited." })
  readonly waitingDays!: number;

  @Field(() => Date, { nullable: true, description: "When it lapses, if nobody decides; null for what never does." })
  readonly expiresAt!: Date | null;

  @Field(() => CurrencyCode, { nullable: true, description: "The currency it moves; null where it moves no money." })
  readonly currency!: string | null;
}

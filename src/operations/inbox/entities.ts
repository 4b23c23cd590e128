import { Field, ID, Int, ObjectType, registerEnumType } from "type-graphql";
import type { Scope } from "../../kernel/actor.js";
import { CurrencyCode } from "../../platform/graphql.js";

/** What may wait for a second person. */
export enum AwaitedKind {
  CONFIGURATION = "CONFIGURATION",
  GAME_SETTINGS = "GAME_SETTINGS",
  STATEMENT = "STATEMENT",
  STATEMENT_RELEASE = "STATEMENT_RELEASE",
  DISPUTE_ANSWER = "DISPUTE_ANSWER",
  PERIOD_ABORT = "PERIOD_ABORT",
  PERIOD_TERMS = "PERIOD_TERMS",
  PAYOUT_ACCOUNT = "PAYOUT_ACCOUNT",
  COLLECTION = "COLLECTION",
  RETENTION_CHANGE = "RETENTION_CHANGE",
}

registerEnumType(AwaitedKind, {
  name: "AwaitedKind",
  description: "What waits for a person's approval, and by which mutation it is given.",
  valuesConfig: {
    CONFIGURATION: { description: "A submitted version of a partner's terms: `activateConfiguration`." },
    GAME_SETTINGS: { description: "Proposed settings of a game or of a game type: `approveGameSettings`." },
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
  },
});

/** The scope that decides on each kind: nobody is shown what he cannot decide on. */
export const DECIDING: Readonly<Record<AwaitedKind, Scope>> = {
  CONFIGURATION: "configs:approve",
  GAME_SETTINGS: "configs:approve",
  STATEMENT: "settlements:manage",
  STATEMENT_RELEASE: "settlements:manage",
  DISPUTE_ANSWER: "settlements:manage",
  PERIOD_ABORT: "settlements:manage",
  PERIOD_TERMS: "settlements:manage",
  PAYOUT_ACCOUNT: "payouts:manage",
  COLLECTION: "payouts:manage",
  RETENTION_CHANGE: "configs:approve",
};

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

  @Field(() => AwaitedKind, { description: "What it is, and by which mutation it is approved." })
  readonly kind!: AwaitedKind;

  @Field(() => String, { description: "Its id." })
  readonly subject!: string;

  @Field(() => String, { nullable: true, description: "Who proposed or approved it so far; null: nobody yet." })
  readonly proposedBy!: string | null;

  @Field(() => Boolean, { description: "Whether that was the caller, who then may not decide." })
  readonly isOwn!: boolean;

  @Field(() => Date, { description: "Since when it waits." })
  readonly since!: Date;

  @Field(() => Int, { description: "For how many whole days it has waited." })
  readonly waitingDays!: number;

  @Field(() => Date, { nullable: true, description: "When it lapses, if nobody decides; null for what never does." })
  readonly expiresAt!: Date | null;

  @Field(() => CurrencyCode, { nullable: true, description: "The currency it moves; null where it moves no money." })
  readonly currency!: string | null;
}

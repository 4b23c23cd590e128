import type { Place } from "./activity.js";

/** By what activity is told apart before a rule is asked. */
export enum RuleEach {
  BRAND = "BRAND",
  CATEGORY = "CATEGORY",
  PRODUCT = "PRODUCT",
  GROUP = "GROUP",
}

/** A rule that is asked about each part of the activity. */
export interface RuleTerms {
  /** What tells the parts apart; nothing: it is asked once, about the whole. */
  readonly each: readonly RuleEach[];
  readonly currency: string;
  readonly partnerKind: string;
  /** The same answers to the same cases, in their order; what it throws stops the settlement. */
  readonly ask: (cases: readonly RuleCase[]) => readonly Ruling[];
}

/** What kind of value a fact is; an amount is exact text on a statement, and a number to the rule. */
export type FactType = "TEXT" | "NUMBER" | "AMOUNT";

/** What a rule is told of every case. Amounts are rounded down to the currency's decimals. */
export const FACTS = {
  partnerKind: "TEXT",
  currency: "TEXT",
  firstDay: "TEXT",
  year: "NUMBER",
  month: "NUMBER",
  days: "NUMBER",
  turnover: "AMOUNT",
  ggr: "AMOUNT",
  base: "AMOUNT",
} as const satisfies Record<string, FactType>;

/** What it is told besides, where activity is told apart by it; empty for none. */
export const EACH_FACTS = {
  BRAND: "brand",
  CATEGORY: "category",
  PRODUCT: "product",
  GROUP: "group",
} as const satisfies Record<RuleEach, keyof Place>;

/** The facts of a case, by name. */
export type RuleFacts = Readonly<Record<string, string | number>>;

/** What a rule chose for a case; null is as the contract says. */
export interface RuleAnswer {
  /** The share: exact text, from 0 to 1. */
  readonly rate: string | null;
  /** The product category whose terms hold in the place of its own. */
  readonly category: string | null;
  /** The group whose terms hold. */
  readonly group: string | null;
  /** False: its bonus cost is not deducted. */
  readonly bonusCost: boolean | null;
  /** At what value its free rounds' stakes count. */
  readonly freeRoundStake: "ZERO" | "FACE_VALUE" | null;
}

/** A row of a table that fired: the node's name, the row's number from 1, and its id. */
export interface FiredRow {
  readonly node: string;
  readonly row: number;
  readonly id: string;
}

/** Activity that a rule is asked about. */
export interface RuleCase {
  /** `brand=… category=…`, as far as it is told apart; empty for the whole. */
  readonly scope: string;
  readonly facts: RuleFacts;
}

/** A case, what the rule answered and which rows fired, in their order. */
export interface Ruling extends RuleCase {
  readonly answer: RuleAnswer;
  readonly fired: readonly FiredRow[];
}

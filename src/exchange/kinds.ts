import { TransactionKind } from "../periods/entities.js";

/** Ids, codes, rounds and players in what partners send; compared byte by byte. */
export const CODE_PATTERN = /^[A-Za-z0-9._:-]{1,64}$/;

/** Which members a kind of transaction has, which of them must be there, and whether only the tenant may sign it. */
export interface KindShape {
  readonly members: ReadonlySet<string>;
  readonly required: readonly string[];
  readonly isTenantOnly: boolean;
}

const ALWAYS = ["id", "kind", "currency", "occurredAt"];
const DIMENSIONS = ["product", "brand", "round", "player"];
const TENANT_ONLY = { isTenantOnly: true };

/** The members of each kind, as `schema/batch.schema.json` publishes them. */
export const KIND_SHAPES: Readonly<Record<TransactionKind, KindShape>> = {
  [TransactionKind.BET]: shape(["amount", "product"], ["freeRound", "roundClosed"]),
  [TransactionKind.WIN]: shape(["amount", "product"], ["freeRound", "roundClosed"]),
  [TransactionKind.BONUS]: shape(["amount", "product"], ["freeRound", "roundClosed"]),
  [TransactionKind.BONUS_BET]: shape(["amount", "product"], ["freeRound", "roundClosed"]),
  [TransactionKind.BONUS_WIN]: shape(["amount", "product"], ["freeRound", "roundClosed"]),
  [TransactionKind.JACKPOT_CONTRIBUTION]: shape(["amount", "product"], ["pool", "roundClosed"]),
  [TransactionKind.JACKPOT_WIN]: shape(["amount", "product"], ["pool", "roundClosed"]),
  [TransactionKind.ROLLBACK]: shape(["amount", "reverses"], []),
  [TransactionKind.FEE]: shape(["amount"], ["category", "units"]),
  [TransactionKind.CREDIT_PURCHASE]: shape(["amount"], ["cost", "lot", "priority", "expiresAt"]),
  [TransactionKind.CREDIT_DRAWDOWN]: shape(["amount"], []),
  [TransactionKind.ADJUSTMENT]: shape(["amount"], [], TENANT_ONLY),
  [TransactionKind.CHARGEBACK]: shape(["amount"], [], TENANT_ONLY),
  [TransactionKind.ACQUISITION]: shape(["units"], ["amount"], TENANT_ONLY),
};

function shape(required: readonly string[], optional: readonly string[], { isTenantOnly = false } = {}): KindShape {
  const members = new Set([...ALWAYS, ...DIMENSIONS, ...required, ...optional]);
  return { members, required: [...ALWAYS.filter((member) => member !== "kind"), ...required], isTenantOnly };
}

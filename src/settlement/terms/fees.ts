import { groupBy } from "../../kernel/group.js";
import { Rational } from "../../kernel/rational.js";
import { countOf, type KindTotal } from "./activity.js";
import { type Contract, type Fee, FeeKind, FeePayer, type Override } from "./contract.js";
import { type ExactLine, type LineCode, workingLine } from "./lines.js";
import { type PeriodDays, windowKey } from "./period.js";
import { type State, StateName, valueIn } from "./state.js";
import { matchText, overrideOf } from "./units.js";
import { amount, count, negate, times, type Working, ZERO } from "./working.js";

/** A fee as a line, and what persists of it. */
export interface Charged {
  readonly line: ExactLine;
  readonly owner: Override | null;
  readonly state: State;
}

const CODES: Readonly<Record<FeeKind, LineCode>> = {
  FIXED: "FEE_FIXED",
  PER_TRANSACTION: "FEE_PER_TRANSACTION",
  PER_UNIT: "FEE_PER_UNIT",
};

/** What fees are charged for. */
export interface Charging {
  readonly contract: Contract;
  readonly totals: readonly KindTotal[];
  readonly state: State;
  readonly period: PeriodDays;
}

/**
 * Fees by contract (domain 9, CPA): `fee` once a window, `fee * transactions`, `fee * units`; from the tenant's side
 * positive, from the partner's negative. Each looks at the activity that has no fees of its own.
 */
export function chargeFees(charging: Charging): readonly Charged[] {
  const { contract, totals } = charging;
  const owned = groupBy(totals, (total) => overrideOf(contract, total, "fees"));
  const owners = [null, ...contract.overrides.filter(({ fees }) => fees !== null)];
  return owners.flatMap((owner) => {
    const fees = owner === null ? contract.fees : (owner.fees ?? []);
    return fees.map((fee) => charge({ ...charging, totals: owned.get(owner) ?? [] }, fee, owner));
  });
}

function charge({ totals, state, period }: Charging, fee: Fee, owner: Override | null): Charged {
  const scope = [...(owner === null ? [] : [matchText(owner.match)]), fee.name].join("; ");
  const key = windowKey(fee.window, period);
  const isCharged = !valueIn(state, { name: StateName.FEE_CHARGED, scope, key }).isZero;
  const due = amountOf(fee, totals, isCharged);
  const line = workingLine(CODES[fee.kind], fee.pointer, fee.payer === FeePayer.PARTNER ? negate(due) : due, scope);
  const isKept = fee.kind === FeeKind.FIXED;
  return { line, owner, state: isKept ? [{ name: StateName.FEE_CHARGED, scope, key, value: Rational.ONE }] : [] };
}

function amountOf({ kind, kinds, amount: each }: Fee, totals: readonly KindTotal[], isCharged: boolean): Working {
  const fee = amount("fee", each);
  switch (kind) {
    case FeeKind.FIXED:
      return isCharged ? ZERO : fee;
    case FeeKind.PER_TRANSACTION:
      return times(fee, count("transactions", countOf(totals, kinds, "count")));
    case FeeKind.PER_UNIT:
      return times(fee, count("units", countOf(totals, kinds, "units")));
  }
}

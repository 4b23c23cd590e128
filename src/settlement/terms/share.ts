import { present } from "../../kernel/assert.js";
import type { Rational } from "../../kernel/rational.js";
import { CarryPolicy, type Contract } from "./contract.js";
import { type ExactLine, type MoneyLine, workingLine } from "./lines.js";
import { roundEarned } from "./rounding.js";
import { amount, greatest, least, plus, rate, times, ZERO } from "./working.js";

/** What the share came to, and what is carried: the lines, and the exact base carried out (at most zero). */
export interface Shared {
  readonly carryIn: ExactLine;
  readonly share: MoneyLine;
  readonly carryOut: ExactLine;
}

/**
 * `rate * max(base + carryIn, 0)` (domain 4 and 7). What was carried in always counts; the policy decides what is
 * carried out: with FULL all that stays below zero, with NONE nothing.
 */
export function shareOf(contract: Contract, ownBase: Rational, carriedIn: Rational): Shared {
  const carryIn = amount("carryIn", carriedIn);
  const net = plus(amount("base", ownBase), carryIn);
  const share = times(rate("rate", contract.shareRate), greatest(net, ZERO));
  const [amountMinor] = roundEarned([share.value], contract.rounding);
  const isCarried = contract.carryPolicy === CarryPolicy.FULL;
  return {
    carryIn: workingLine("CARRY_IN", "/carryOver", carryIn),
    share: {
      ...workingLine("SHARE", "/share", share),
      amountMinor: present(amountMinor, "a rounded share"),
      rounding: contract.rounding,
    },
    carryOut: workingLine("CARRY_OUT", "/carryOver", isCarried ? least(net, ZERO) : ZERO),
  };
}

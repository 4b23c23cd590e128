import { present } from "../../kernel/assert.js";
import { Rational } from "../../kernel/rational.js";
import type { Line } from "../terms/lines.js";
import { SimulationWarning } from "./entities.js";

/** One line of a statement beside the same line under other terms; null where one of the two has none. */
export interface LineDifference {
  readonly code: string;
  readonly section: string;
  /** What it is about; empty for the whole. */
  readonly scope: string;
  /** Which of several lines of one code and scope, from 0. */
  readonly ordinal: number;
  /** Whether it is money, or working only. */
  readonly isMoney: boolean;
  /** After less before, exactly; a line that is missing counts as zero. */
  readonly delta: string;
  readonly before: Line | null;
  readonly after: Line | null;
}

/** What a line comes to: its money, or for working its exact result. */
export function lineValue({ amount, result }: Pick<Line, "amount" | "result">): string {
  return amount ?? result;
}

/**
 * The lines of two calculations side by side: those of the second in its order, then those that only the first has. A
 * line is the same where code, scope and place among its like are.
 */
export function compareLines(before: readonly Line[], after: readonly Line[]): readonly LineDifference[] {
  const [old, young] = [byIdentity(before), byIdentity(after)];
  const keys = [...young.keys(), ...[...old.keys()].filter((key) => !young.has(key))];
  return keys.map((key) => differenceOf(old.get(key) ?? null, young.get(key) ?? null));
}

/** What is said of a difference where draw-downs were not covered. */
export function warningsOf(isUncovered: boolean): readonly SimulationWarning[] {
  return isUncovered ? [SimulationWarning.DRAWDOWNS_UNCOVERED] : [];
}

interface Placed {
  readonly line: Line;
  readonly ordinal: number;
}

function byIdentity(lines: readonly Line[]): ReadonlyMap<string, Placed> {
  const placed = new Map<string, Placed>();
  const seen = new Map<string, number>();
  for (const line of lines) {
    const like = `${line.code} ${line.scope}`;
    const ordinal = seen.get(like) ?? 0;
    seen.set(like, ordinal + 1);
    placed.set(`${ordinal} ${like}`, { line, ordinal });
  }
  return placed;
}

function differenceOf(before: Placed | null, after: Placed | null): LineDifference {
  const { line, ordinal } = present(after ?? before, "a line");
  const { code, section, scope } = line;
  const delta = numberOf(after).minus(numberOf(before)).toText();
  return {
    ...{ code, section, scope, ordinal, delta },
    isMoney: line.amount !== null,
    before: before?.line ?? null,
    after: after?.line ?? null,
  };
}

function numberOf(placed: Placed | null): Rational {
  return placed === null ? Rational.ZERO : present(Rational.parse(lineValue(placed.line)), "a number on a line");
}

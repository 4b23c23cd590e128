import { printJson } from "./app.js";

/** Why something does not verify, in a word for programs and in sentences for people. */
export interface Fault {
  readonly reason: string;
  readonly differences: readonly string[];
  /** The first leaf of the log that it does not hold for, where that can be told. */
  readonly index?: number | undefined;
}

/** What verified: a sentence for people, and facts for programs. */
export interface Holds {
  readonly says: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Prints a verdict, as JSON or in words, and sets the exit code: 1 where something does not hold. */
export function printVerdict(verdict: Fault | Holds, isJson: boolean): void {
  if ("reason" in verdict) process.exitCode = 1;
  if (isJson) {
    printJson("reason" in verdict ? refusalOf(verdict) : { valid: true, ...verdict.facts });
  } else if ("reason" in verdict) {
    const where = verdict.index === undefined ? "" : ` (leaf ${verdict.index})`;
    console.error(`It does not hold: ${verdict.reason}${where}.`);
    for (const difference of verdict.differences) console.error(difference);
  } else console.log(verdict.says);
}

function refusalOf({ reason, index }: Fault) {
  return { valid: false, reason, ...(index === undefined ? {} : { index }) };
}

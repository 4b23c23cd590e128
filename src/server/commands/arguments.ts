import { InvalidArgumentError } from "commander";
import { DateTime } from "../../platform/date-time.js";

/** Reads an instant as the API does: RFC 3339 with an offset. */
export function instantOf(text: string): Date {
  try {
    return DateTime.parseValue(text);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new InvalidArgumentError("An instant is RFC 3339 with an offset, e.g. 2026-01-31T15:00:00Z.");
  }
}

/** Reads a code: of a game or game type, a group, a source of rates. */
export function codeOf(text: string): string {
  if (/^[A-Za-z0-9._:-]{1,64}$/.test(text)) return text;
  throw new InvalidArgumentError("A code is 1 to 64 of [A-Za-z0-9._:-].");
}

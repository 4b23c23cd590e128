import { defineErrors } from "./errors.js";

/** The most rows a page may have. */
export const PAGE_ROWS_MAX = 500;
/** Rows of a page when the caller does not say. */
export const PAGE_ROWS_DEFAULT = 50;

/**
 * The shapes of positions: an id, a number, two numbers, an instant in milliseconds with an id, a network. None is so
 * long that the number or the instant would not be one.
 */
export const POSITION = {
  ID: /^[a-z]{3}_[0-9a-z]{26}$/,
  NUMBER: /^\d{1,15}$/,
  PAIR: /^\d{1,15}\.\d{1,15}$/,
  NUMBER_CODE: /^\d{1,15}\.[A-Z0-9]{2,12}$/,
  NETWORK: /^[0-9a-f.:]{2,20}\/\d{2}$/,
  INSTANT_ID: /^\d{1,13}\.[a-z]{3}_[0-9a-z]{26}$/,
} as const;

const pageError = defineErrors({
  VALIDATION: { message: "{reason}" },
});

/** What a caller asks of a connection: so many rows after a cursor. */
export interface PageRequest {
  readonly first?: number | null;
  readonly after?: string | null;
}

/** A page request checked: rows wanted and the position to start behind (null: at the start). */
export interface PageStart {
  readonly rows: number;
  readonly after: string | null;
}

/** One page of rows, each with the position a cursor is made of. */
export interface Page<T> {
  readonly rows: readonly T[];
  readonly hasNextPage: boolean;
  readonly positionOf: (row: T) => string;
  /** How far a list was looked through that may find less than a page of what is there; absent: to the last row. */
  readonly endPosition?: string;
}

/**
 * Checks `first` (1 to 500) and opens the cursor; a cursor of another list, or whose position has not the shape of that
 * list's, is refused (`VALIDATION`).
 */
export function pageStart(request: PageRequest, list: string, position: RegExp = POSITION.NUMBER): PageStart {
  const rows = request.first ?? PAGE_ROWS_DEFAULT;
  if (!Number.isInteger(rows) || rows < 1 || rows > PAGE_ROWS_MAX) {
    throw pageError("VALIDATION", {
      path: "/first",
      reason: `first is between 1 and ${PAGE_ROWS_MAX}.`,
    });
  }
  return {
    rows,
    after: request.after ? openCursor(request.after, list, position) : null,
  };
}

/** Cuts rows that were read one more than wanted into a page. */
export function pageOf<T>(rows: readonly T[], wanted: number, positionOf: (row: T) => string): Page<T> {
  return {
    rows: rows.slice(0, wanted),
    hasNextPage: rows.length > wanted,
    positionOf,
  };
}

/** An opaque cursor for a position in a named list. */
export function cursorOf(list: string, position: string): string {
  return Buffer.from(`${list}:${position}`, "utf8").toString("base64url");
}

function openCursor(cursor: string, list: string, shape: RegExp): string {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  const position = text.slice(list.length + 1);
  if (text.startsWith(`${list}:`) && shape.test(position)) return position;
  throw pageError("VALIDATION", { path: "/after", reason: "The cursor is not of this list." });
}

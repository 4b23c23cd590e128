import { GraphQLScalarType, Kind } from "graphql";
import { instantText } from "../kernel/clock.js";

const RFC_3339 = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(\.\d{1,3})?(Z|[+-]\d{2}:\d{2})$/;

/** An instant. Going out: RFC 3339 in UTC with milliseconds. Coming in: any offset, at most three decimals. */
export const DateTime = new GraphQLScalarType<Date, string>({
  name: "DateTime",
  description:
    'An instant as RFC 3339 in UTC with milliseconds, e.g. `"2026-01-31T15:00:00.000Z"`; any offset is taken.',
  specifiedByURL: "https://scalars.graphql.org/andimarek/date-time",
  serialize: (value) => instantText(checkedDate(value)),
  parseValue: (value) => parsedInstant(value),
  parseLiteral: (node) => parsedInstant(node.kind === Kind.STRING ? node.value : undefined),
});

function checkedDate(value: unknown): Date {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value;
  throw new TypeError("A DateTime comes from a valid Date.");
}

function parsedInstant(value: unknown): Date {
  const match = typeof value === "string" ? RFC_3339.exec(value) : null;
  const instant = match === null ? null : new Date(match[0]);
  // Date rolls 30 February over to March: the day alone, read as UTC, must come back as it was written.
  const day = match?.[1] ?? "";
  const isRealDay = instant !== null && !Number.isNaN(instant.getTime()) && new Date(day).toISOString().startsWith(day);
  if (!isRealDay) throw new TypeError("A DateTime is RFC 3339 with an offset and at most three decimals.");
  return instant;
}

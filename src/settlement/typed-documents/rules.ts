/** The two ways in which a document is given. */
export interface GivenDocument {
  readonly document?: unknown;
  readonly terms?: unknown;
}

/** The document that was given, as JSON or as typed members; null where it was given in both ways or in none. */
export function givenDocument({ document = null, terms = null }: GivenDocument): unknown {
  if (document === null) return terms === null ? null : withoutNulls(terms);
  return terms === null ? document : null;
}

/** Typed members as JSON: what was not given, or given as null, is absent. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  const given = Object.entries(value).filter(([, member]) => member !== undefined && member !== null);
  return Object.fromEntries(given.map(([name, member]) => [name, withoutNulls(member)]));
}

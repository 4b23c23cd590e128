/** A request that is made to hurt, and how it is refused. */
export interface HostileDocument {
  /** The attack, in the words of those who write about it. */
  readonly name: string;
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly code: "LIMIT_EXCEEDED" | "VALIDATION";
}

/** So many texts, joined. */
function many(count: number, text: (index: number) => string, between = " "): string {
  return Array.from({ length: count }, (_, index) => text(index)).join(between);
}

/** `{ open { open { … inner … } } }`. */
function nested(levels: number, open: string, inner: string): string {
  return `${`${open} { `.repeat(levels)}${inner}${" }".repeat(levels)}`;
}

/** Fragments that each spread the next so many times: the levels are the exponent. */
function bomb(levels: number, width: number, inner: string): string {
  const spreads = (level: number) => many(width, () => `...F${level}`);
  const fragments = many(levels, (level) => `fragment F${level} on Query { ${spreads(level + 1)} }`);
  return `{ ${spreads(0)} } ${fragments} fragment F${levels} on Query { ${inner} }`;
}

const MEMBERS = "fields { name args { name type { name ofType { name } } } type { fields { name args { name } } } }";
const PAGES = "disputes { edges { node { statement { ";

/**
 * Hostile documents as the literature knows them: OWASP's GraphQL cheat sheet, GraphQL Cop, Escape's list of attacks,
 * the advisories of graphql-js, graphql-java and Apollo, and what hurts a server of ours.
 */
export const hostileDocuments: readonly HostileDocument[] = [
  // Aliases: one request that is many.
  limit("alias overload", `{ ${many(300, (i) => `a${i}: __typename`)} }`),
  limit("alias overload at the root", `{ ${many(26, (i) => `a${i}: viewer { clientId }`)} }`),
  limit("alias overload inside a fragment", `{ ...F } fragment F on Query { ${many(51, (i) => `a${i}: __typename`)} }`),
  limit("a guess per alias", `{ ${many(51, (i) => `k${i}: node(id: "ptn_${i}") { id }`)} }`),
  limit(
    "a mutation per alias",
    `mutation { ${many(30, (i) => `m${i}: revokeKey(input: { keyId: "k" }) { __typename }`)} }`,
  ),
  // Directives.
  limit("directive overload", `{ __typename ${many(500, () => "@include(if: true)")} }`),
  limit("unknown directives", `{ __typename ${many(900, () => "@aa")} }`),
  limit("directives on every field", `{ ${many(60, (i) => `a${i % 20}: __typename @skip(if: false)`)} }`),
  limit("directives on an operation", `query ${many(200, (i) => `@d${i}`)} { __typename }`),
  limit("directives on fragments", `{ ${many(190, () => "... @include(if: true) { __typename }")} }`),
  // Fragments.
  invalid("a fragment that holds itself", "{ ...A } fragment A on Query { ...A }"),
  invalid(
    "fragments in a circle",
    "{ ...A } fragment A on Query { ...B } fragment B on Query { ...C } fragment C on Query { ...A }",
  ),
  invalid(
    "a circle that doubles at each turn",
    "{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }",
  ),
  invalid(
    "a circle through fields",
    `{ partner(id: "x") { ...A } } fragment A on Partner { a: credit { __typename } ...A ...A }`,
  ),
  limit("a fragment bomb", bomb(10, 10, "__typename")),
  limit("a fragment bomb as deep as fragments go", bomb(48, 2, "viewer { clientId }")),
  limit("a bomb of fragments in a circle", bomb(10, 10, "__typename ...F0")),
  limit("a thousand spreads", `{ ${many(480, () => "...F")} } fragment F on Query { __typename }`),
  limit("a hundred fragments", `{ __typename } ${many(100, (i) => `fragment F${i} on Query { __typename }`)}`),
  invalid(
    "fragments that nobody spreads",
    `{ __typename } ${many(45, (i) => `fragment F${i} on Query { __typename }`)}`,
  ),
  limit("inline fragments without end", `{ ${nested(400, "... on Query", "x: __typename @a @a @a @a @a @a")} }`),
  // Depth and breadth.
  limit("deep nesting", `{ ${nested(400, "viewer", "clientId")} }`),
  limit("deep nesting through a fragment", `{ ...F } fragment F on Query { ${nested(30, "viewer", "clientId")} }`),
  limit("pages of pages of pages", `{ ${PAGES}${PAGES}${PAGES} id ${"} ".repeat(13)}`),
  limit("field duplication", `{ ${many(1_900, () => "__typename")} }`),
  limit("field duplication below a field", `{ viewer { ${many(1_900, () => "clientId")} } }`),
  limit(
    "one name for different fields",
    `{ ${many(48, () => "a: viewer { clientId }")} ${many(60, () => "a: __typename")} }`,
  ),
  limit("fields that overlap at each level", `{ ${overlapping(9)} }`),
  invalid("fields that overlap and differ", `{ ${many(24, (i) => `a: node(id: "${i}") { id }`)} }`),
  limit(
    "operations without end",
    many(100, (i) => `query Q${i} { __typename }`),
  ),
  limit("variables without end", `query (${many(300, (i) => `$v${i}: Int`)}) { __typename }`),
  invalid("variables that nobody uses", `query (${many(50, (i) => `$v${i}: Int`)}) { __typename }`),
  invalid(
    "many fields that do not exist",
    `{ viewer { ${many(300, (i) => `clientIt${i}`)} ${many(90, (i) => `tenent${i} { a }`)} } }`,
  ),
  // What runs long although it is short.
  limit(
    "pages of pages, as large as they go",
    `{ settlementRuns(first: 500) { edges { node { partners(first: 500) { edges { node { state } } } } } } }`,
  ),
  limit(
    "a page size in a variable",
    `query ($n: Int!) { settlementRuns(first: $n) { edges { node {
      partners(first: $n) { edges { node { state } } } } } } }`,
    { n: 500 },
  ),
  limit("a page size without end", `{ partners(first: 2147483647) { edges { node { id name } } } }`),
  limit("ids without end", "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {
    ids: Array.from({ length: 30_000 }, (_, i) => `ptn_${i}`),
  }),
  // The schema itself.
  limit(
    "an introspection per alias",
    `{ ${many(25, (i) => `s${i}: __schema { types { name fields { name args { name } } } }`)} }`,
  ),
  invalid(
    "a circle of introspection",
    `{ __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }`,
  ),
  limit("introspection as broad as it goes", `{ __schema { types { ${many(9, (i) => `f${i}: ${MEMBERS}`)} } } }`),
  // Text and numbers.
  limit("a document of megabytes", `{ __typename } #${"x".repeat(300_000)}`),
  limit("blanks of megabytes", `{${" ".repeat(300_000)}__typename }`),
  limit("commas of megabytes", `{${",".repeat(300_000)}__typename }`),
  limit("tokens without end", `{ ${many(2_100, (i) => `f${i}`)} }`),
  invalid("an endless block string", `{ node(id: """${"\n a".repeat(16_000)}""") { id } } {`),
  invalid("a name without end", `{ ${"n".repeat(49_000)} }`),
  invalid("an integer without end", `{ partners(first: ${"9".repeat(49_000)}) { totalCount } }`),
  invalid("a float without end", `{ partners(first: 1.${"9".repeat(49_000)}e99999) { totalCount } }`),
  invalid("a list as deep as its tokens", `{ nodes(ids: ${"[".repeat(900)}${"]".repeat(900)}) { id } }`),
  invalid("an object as deep as its tokens", `{ nodes(ids: ${"{a:".repeat(450)}1${"}".repeat(450)}) { id } }`),
  invalid("a type as deep as its tokens", `query ($a: ${"[".repeat(900)}Int${"]".repeat(900)}) { __typename }`),
  invalid("braces that never close", "{ a ".repeat(900)),
  invalid("escapes without end", `{ node(id: "${"\\u0041".repeat(8_000)}") { id nothing } }`),
  invalid("half a surrogate", '{ node(id: "\ud800") { id } }'),
  invalid("text that runs both ways", '{ node(id: "\u202e\u2066") { \u202enode } }'),
  invalid("names of another script", "{ ｎｏｄｅ }"),
  invalid("a null byte", "{ node(id: \u0000) { id } }"),
  // Variables.
  invalid("an integer beyond integers", "query ($n: Int) { partners(first: $n) { totalCount } }", { n: 1e300 }),
  limit("values without end", "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {
    ids: [],
    more: Array.from({ length: 25_000 }, () => 0),
  }),
  limit("objects within objects", "{ __typename }", { a: JSON.parse(`${'{"a":'.repeat(500)}1${"}".repeat(500)}`) }),
  invalid("a member of the prototype", "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", { ids: { constructor: 1 } }),
];

function limit(name: string, query: string, variables?: HostileDocument["variables"]): HostileDocument {
  return { name, query, ...(variables === undefined ? {} : { variables }), code: "LIMIT_EXCEEDED" };
}

function invalid(name: string, query: string, variables?: HostileDocument["variables"]): HostileDocument {
  return { ...limit(name, query, variables), code: "VALIDATION" };
}

/** Two fields of one name at each level, so that validation compares 2^levels pairs. */
function overlapping(levels: number): string {
  return levels === 0 ? "clientId" : many(2, () => `viewer { ${overlapping(levels - 1)} }`);
}

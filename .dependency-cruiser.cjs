/**
 * Who may import whom, in src/ and migrations/. ARCHITECTURE.md says why; scripts/check-imports.mjs runs it.
 * From foundation to roof: a folder imports only itself and the folders before it.
 */
const order = [
  ...[
    "kernel",
    "platform",
    "acts",
    "tenancy",
    "identity",
    "experiments",
    "transparency",
    "events",
    "periods",
    "ledger",
  ],
  ...["threat", "exchange", "connectors", "settlement", "reconciliation", "insights", "operations", "server"],
];
const domains = order.filter((folder) => !["kernel", "platform", "server"].includes(folder)).join("|");

/** Files that calculate and decide: no clock, no database, no randomness. */
const pure = "/(rules|merkle|kinds|validate)\\.ts$|^src/settlement/terms/";
/** What they may import: the kernel, vocabulary and decisions, Node's crypto. Types count like values. */
const pureImports = [
  ...["^src/kernel/", "/(entities|rules|merkle|kinds|validate)\\.ts$", "^src/settlement/terms/"],
  "^(node:)?crypto$",
].join("|");

/** Packages that only platform speaks: one door to each service. */
const services = "mysql2|ioredis|bullmq|pino|undici|prom-client";

const forbidden = [
  rule("no-cycles", "Nothing imports itself, however far around.", { to: { circular: true } }),
  rule("resolves", "Every import is found.", { to: { couldNotResolve: true } }),
  rule("declared", "What runs is a dependency of the package, not of its development.", {
    from: { path: "^(src|migrations)/" },
    to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
  }),
  rule("unknown-folder", "Folders are those of ARCHITECTURE.md.", {
    to: { path: "^src/", pathNot: `^src/(${order.join("|")})/` },
  }),
  ...order.map((folder, i) =>
    rule(`${folder}-looks-down-only`, "A folder imports only itself and folders before it.", {
      from: { path: `^src/${folder}/` },
      to: { path: "^src/", pathNot: `^src/(${order.slice(0, i + 1).join("|")})/` },
    }),
  ),
  rule("kernel-is-pure", "The kernel imports only itself and Node's crypto and assert.", {
    from: { path: "^src/kernel/" },
    to: { pathNot: "^(src/kernel/|(node:)?(crypto|assert)$)" },
  }),
  rule("enter-by-the-door", "A domain is entered by service.ts or entities.ts.", {
    from: { path: "^src/([^/]+)/", pathNot: "^src/server/" },
    to: { path: `^src/(${domains})/`, pathNot: "^src/$1/|/(service|entities)\\.ts$" },
  }),
  rule("server-enters-by-the-door", "The server knows services, entities, resolvers, jobs and errors.", {
    from: { path: "^src/server/" },
    to: { path: `^src/(${domains})/`, pathNot: "/(service|entities|resolver|jobs|errors)\\.ts$" },
  }),
  rule("resolvers-are-roofs", "Only the server imports resolvers.", {
    from: { path: "^src/", pathNot: "^src/server/" },
    to: { path: "/resolver\\.ts$" },
  }),
  rule("rules-are-pure", "Decisions import decisions.", {
    from: { path: pure, pathNot: "^src/periods/rules\\.ts$" },
    to: { pathNot: pureImports },
  }),
  rule("calendar-is-pure", "The calendar's rules may import Temporal besides.", {
    from: { path: "^src/periods/rules\\.ts$" },
    to: { pathNot: `${pureImports}|node_modules/temporal-polyfill/` },
  }),
  rule("one-door-to-services", "Only platform speaks to MySQL, Redis, queues, logs and metrics.", {
    from: { path: "^src/", pathNot: "^src/platform/" },
    to: { path: `node_modules/(${services})/` },
  }),
  rule("errors-are-tables", "A table of refusals imports the kernel alone.", {
    from: { path: "^src/.*/errors\\.ts$", pathNot: "^src/(kernel|platform|server)/" },
    to: { pathNot: "^src/kernel/" },
  }),
  rule("entities-are-vocabulary", "Entities import no operations.", {
    from: { path: "^src/.*/entities\\.ts$" },
    to: { path: "^src/.*/(service|resolver|jobs|errors|inputs)\\.ts$" },
  }),
  rule("migrations-stand-alone", "A migration never changes, so it leans on nothing that does.", {
    from: { path: "^migrations/" },
    to: { path: "^src/" },
  }),
];

function rule(name, comment, { from = {}, to }) {
  return { name, comment, severity: "error", from, to };
}

module.exports = {
  forbidden,
  options: {
    parser: "swc",
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};

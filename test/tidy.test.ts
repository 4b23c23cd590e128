import { existsSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

interface File {
  readonly path: string;
  readonly text: string;
}

/** What one rule has against one file; `planted` breaks it and must be found, `innocent` looks alike and must not. */
interface Rule {
  readonly name: string;
  /** The complaint, for each place; nothing when the file obeys. */
  find(file: File): readonly string[];
  readonly planted: readonly File[];
  readonly innocent: readonly File[];
}

const FILE_LINES_MAX: Readonly<Record<string, number>> = { src: 300, scripts: 300, bench: 300, test: 500 };
const LINE_LENGTH_MAX = 120;
const README_LINES = { min: 20, max: 40 };

const domains = [
  ...[
    "acts",
    "tenancy",
    "identity",
    "experiments",
    "transparency",
    "events",
    "periods",
    "ledger",
    "threat",
    "exchange",
  ],
  ...["connectors", "settlement", "reconciliation", "insights", "operations"],
];
const everyDomain = [
  "README.md",
  ..."entities inputs errors rules service resolver jobs".split(" ").map((name) => `${name}.ts`),
];
/** Files that a domain has besides those that every domain may have. */
const besides: Readonly<Record<string, readonly string[]>> = {
  transparency: ["tiles.ts", "checkpoint.ts"],
  ledger: ["hot-balances.ts"],
  threat: ["document.ts"],
  exchange: ["envelope.ts", "jws.ts", "packing.ts", "validate.ts", "kinds.ts", "thread.ts"],
  settlement: [
    ...["document.ts", "document-base.ts", "document-schema.ts", "document-contract.ts", "document-checks.ts"],
    ...["statement-document.ts", "statement-schema.ts", "statement-facts.ts", "statement-credit.ts", "recompute.ts"],
    ...[
      "reply-schema.ts",
      "document-rules.ts",
      "rule-checks.ts",
      "rule-expressions.ts",
      "ruling.ts",
      "document-grains.ts",
      "thread.ts",
    ],
  ],
};

/** Folders of a domain whose files are named for what they hold. */
function isOpen(domain: string, [folder = ""]: readonly string[]): boolean {
  return domain === "settlement" && ["terms", "renditions"].includes(folder);
}

const rules: readonly Rule[] = [
  {
    name: "a file is no longer than its folder allows",
    find: ({ path, text }) => {
      const lines = text.split("\n").length - 1;
      const linesMax = FILE_LINES_MAX[path.split("/")[0] ?? ""] ?? Number.POSITIVE_INFINITY;
      return path.endsWith(".md") || lines <= linesMax ? [] : [`${lines} lines; at most ${linesMax}`];
    },
    planted: [file("src/kernel/long.ts", "\n".repeat(301)), file("test/long.test.ts", "\n".repeat(501))],
    innocent: [file("src/kernel/whole.ts", "\n".repeat(300)), file("migrations/0001-a.ts", "\n".repeat(400))],
  },
  {
    name: "a line is at most 120 characters, unless one word takes up most of it",
    find: ({ path, text }) =>
      /\.md$|^migrations\//.test(path)
        ? []
        : linesWhere(text, (line) => line.length > LINE_LENGTH_MAX && !/\S{80}/.test(line)),
    planted: [file("src/kernel/wide.ts", `// ${"x ".repeat(59)}\n`)],
    innocent: [
      file("src/kernel/narrow.ts", `// ${"x ".repeat(58)}x\n`),
      file("test/vector.ts", `"${"x".repeat(120)}"`),
    ],
  },
  {
    name: "a domain holds only the files that every domain may have, and its own few",
    find: ({ path }) => {
      const [top, domain = "", ...rest] = path.split("/");
      const name = rest.at(-1) ?? "";
      if (top !== "src" || !domains.includes(domain) || isOpen(domain, rest)) return [];
      const isKnown = rest.length <= 2 && [...everyDomain, ...(besides[domain] ?? [])].includes(name);
      return isKnown ? [] : ["not a file name of a domain; split by noun into subfolders instead"];
    },
    planted: [file("src/ledger/helpers.ts"), file("src/ledger/merkle.ts"), file("src/periods/a/b/service.ts")],
    innocent: [
      ...["ledger/service.ts", "settlement/runs/service.ts", "settlement/terms/tiers.ts", "transparency/tiles.ts"].map(
        (path) => file(`src/${path}`),
      ),
    ],
  },
  {
    name: "no file is a drawer for whatever is left over, or a barrel",
    find: ({ path }) =>
      /^src\/.*\/(helpers?|utils?|common|misc|shared|index)\.ts$/.test(path) ? ["say what it holds"] : [],
    planted: [file("src/platform/utils.ts"), file("src/kernel/index.ts")],
    innocent: [file("migrations/index.ts"), file("src/platform/columns.ts")],
  },
  {
    name: "every export of the source says what it promises",
    find: ({ path, text }) => (path.startsWith("src/") && path.endsWith(".ts") ? undocumented(text) : []),
    planted: [
      file("src/kernel/a.ts", "/** A. */\nexport const a = 1;\nexport const b = 2;\n"),
      file("src/kernel/b.ts", '@Entity({\n  name: "b",\n})\nexport class B {}\n'),
      file("src/kernel/c.ts", "/** C. */\n\nexport async function c() {}\n"),
    ],
    innocent: [
      file("src/kernel/d.ts", '/** D. */\n@Entity({\n  name: "d",\n})\n@Index("x")\nexport class D {}\n'),
      file("src/kernel/e.ts", "/**\n * E.\n */\nexport type E = 1;\nconst e = 2;\n"),
    ],
  },
  banned({
    name: "only platform/config reads the environment",
    pattern: /\bprocess\.env\b/,
    within: /^(src|migrations)\//,
    except: /^src\/platform\/config\.ts$/,
    planted: ['process.env["HOME"]'],
    innocent: ["processEnvironment"],
  }),
  banned({
    name: "only kernel/clock reads the wall clock",
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)|\bTemporal\.Now\b/,
    within: /^(src|migrations)\//,
    except: /^src\/kernel\/clock\.ts$/,
    planted: ["Date.now()", "new Date()", "Temporal.Now.instant()"],
    innocent: ["new Date(0)", "app.clock.now()"],
  }),
  banned({
    name: "no chance outside kernel/ids, keys and the jitter of platform/database",
    pattern: /\bMath\.random\b/,
    within: /^(src|migrations|bench|test)\//,
    except: /^src\/platform\/database\.ts$/,
    planted: ["Math.random()"],
    innocent: ["random(seed)"],
  }),
  banned({
    name: "only kernel/key-pairs makes key pairs at once: what Node answers may stand still when it is exported",
    pattern: /\bgenerateKeyPairSync\b/,
    within: /^(src|bench|test)\//,
    except: /^src\/kernel\/key-pairs\.ts$/,
    planted: ['generateKeyPairSync("ed25519")'],
    innocent: ['newKeyPair("ed25519")', "await generateKeyPair(alg)"],
  }),
  banned({
    name: "money is never a float",
    pattern:
      /\bparseFloat\b|\bNumber\([^()]*(amount|minor|balance|stake|payable|carry|earned)|type: "(float|double|real)"/i,
    within: /^src\//,
    planted: ["parseFloat(text)", "Number(line.amountMinor)", "Number(balance)", '@Column({ type: "double" })'],
    innocent: ["Number(url.port)", "BigInt(amountMinor)"],
  }),
  banned({
    name: "no column is a float",
    pattern: /^\s*\w+ (float|double|real)\b/i,
    within: /^migrations\//,
    planted: ["  rate double not null,"],
    innocent: ["  rate decimal(38,0) not null,"],
  }),
  banned({
    name: "every test runs",
    pattern: /\.(only|skip|todo|fails)\(/,
    within: /^test\//,
    planted: ["test.only(", "describe.skip(", "test.todo("],
    innocent: ["test.skipIf(isMissing)("],
  }),
  banned({
    name: "INSERT IGNORE hides bad data",
    pattern: /\binsert\s+ignore\b/i,
    within: /^(src|migrations|test|bench)\//,
    planted: ["insert ignore into act", "INSERT IGNORE"],
    innocent: ["insert into act"],
  }),
  banned({
    name: "only platform/database opens transactions, and platform/migrate holds a connection for its lock",
    pattern: /\bcreateQueryRunner\b|\.(t|startT)ransaction\(/,
    within: /^src\//,
    except: /^src\/platform\/(database|migrate)\.ts$/,
    planted: ["database.createQueryRunner()", "manager.transaction(async () => {})", "runner.startTransaction()"],
    innocent: ["transact(app, async (tx) => {})", "transactions(filter)"],
  }),
  banned({
    name: "nothing is left for later in a comment",
    pattern: /\b(TODO|FIXME|HACK)\b/,
    within: /./,
    planted: ["// TODO: check"],
    innocent: ["todoList"],
  }),
  banned({
    name: "a type is named for what it is, not for what it does to others",
    pattern:
      /\b(class|interface|enum) \w*(Manager|Helpers?|Utils?|Handler)\b|\btype \w*(Manager|Helpers?|Utils?|Handler)\b.* =/,
    within: /^src\//,
    planted: ["class BatchManager {", "interface KeyHandler {", "type KeyUtils = 1"],
    innocent: ["class BatchPoster {", "import { type EntityManager }"],
  }),
  banned({
    name: "an error that is let go says why",
    pattern: /\.catch\(\(\w*\) => (undefined|null|\{\s*\})\)(?!.*\/\/)/,
    within: /^src\//,
    planted: ["await close().catch(() => undefined);"],
    innocent: ["await close().catch(() => undefined); // it is gone already"],
  }),
  banned({
    name: "a lint rule that is switched off says why",
    pattern: /\b(es|ox)lint-disable(?!.* -- \w)/,
    within: /./,
    planted: ["// oxlint-disable-next-line eqeqeq"],
    innocent: ["// oxlint-disable-next-line eqeqeq -- null and undefined are one here"],
  }),
];

const named = rules.map((rule) => [rule.name, rule] as const);

test.each(named)("%s", (_name, rule) => {
  expect(complaints(rule, repository())).toEqual([]);
});

test.each(named)("a violation is found: %s", (_name, rule) => {
  for (const planted of rule.planted) expect(rule.find(planted), planted.path + planted.text).not.toEqual([]);
  expect(complaints(rule, rule.innocent)).toEqual([]);
});

test("every domain has a README of 20 to 40 lines", () => {
  expect(readmeProblems(repository())).toEqual([]);
});

test("a missing, a short and a long README are found", () => {
  const entities = domains.slice(0, 4).map((domain) => file(`src/${domain}/entities.ts`));
  const [short, long, right] = [19, 41, 20].map((lines, i) => file(`src/${domains[i]}/README.md`, "\n".repeat(lines)));
  expect(readmeProblems([...entities, short, long, right].filter((each) => each !== undefined))).toEqual([
    "src/acts/README.md: 19 lines",
    "src/tenancy/README.md: 41 lines",
    "src/experiments/README.md: missing",
  ]);
});

function file(path: string, text = ""): File {
  return { path, text };
}

/** A text that may not occur within a folder; the planted lines are put into a file there. */
function banned(ban: {
  readonly name: string;
  readonly pattern: RegExp;
  readonly within: RegExp;
  readonly except?: RegExp;
  readonly planted: readonly string[];
  readonly innocent: readonly string[];
}): Rule {
  const folder = ["src", "migrations", "test"].find((name) => ban.within.test(`${name}/`)) ?? "src";
  const path = `${folder}/planted.ts`;
  return {
    name: ban.name,
    find: ({ path, text }) =>
      ban.within.test(path) && ban.except?.test(path) !== true
        ? linesWhere(text, (line) => ban.pattern.test(line))
        : [],
    planted: ban.planted.map((text) => file(path, text)),
    innocent: ban.innocent.map((text) => file(path, text)),
  };
}

function complaints(rule: Rule, files: readonly File[]): string[] {
  return files.flatMap((each) => rule.find(each).map((complaint) => `${each.path}: ${complaint}`));
}

function linesWhere(text: string, isWrong: (line: string) => boolean): string[] {
  return text.split("\n").flatMap((line, i) => (isWrong(line) ? [`${i + 1}: ${line.trim().slice(0, 80)}`] : []));
}

/** Exports whose comment, above their decorators, is missing. */
function undocumented(text: string): string[] {
  const lines = text.split("\n");
  return lines.flatMap((line, i) => {
    if (!/^export (?!\{|type \{|\*)/.test(line)) return [];
    let above = i - 1;
    while (/^(@|\s+\S)|^[\]})]*\)$/.test(lines[above] ?? "") && !isCommentEnd(lines[above])) above--;
    return isCommentEnd(lines[above]) ? [] : [`${i + 1}: ${line.slice(0, 80)}`];
  });
}

function isCommentEnd(line: string | undefined): boolean {
  return line?.trimEnd().endsWith("*/") ?? false;
}

function readmeProblems(files: readonly File[]): string[] {
  const present = domains.filter((domain) => files.some(({ path }) => path.startsWith(`src/${domain}/`)));
  return present.flatMap((domain) => {
    const path = `src/${domain}/README.md`;
    const readme = files.find((each) => each.path === path);
    if (readme === undefined) return [`${path}: missing`];
    const lines = readme.text.split("\n").length - 1;
    return lines < README_LINES.min || lines > README_LINES.max ? [`${path}: ${lines} lines`] : [];
  });
}

/** Our own source, all but this page, which names what it bans. */
function repository(): File[] {
  const home = resolve(import.meta.dirname, "..");
  return ["src", "migrations", "test", "bench", "scripts"]
    .filter((folder) => existsSync(resolve(home, folder)))
    .flatMap((folder) =>
      readdirSync(resolve(home, folder), { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path}`),
    )
    .filter((path) => /\.(ts|tsx|mjs|md)$/.test(path) && path !== "test/tidy.test.ts")
    .map((path) => file(path, readFileSync(resolve(home, path), "utf8")));
}

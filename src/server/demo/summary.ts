import { decimalText, parseAmount, scaleOf } from "../../kernel/money.js";
import type { SettledRow } from "../../settlement/runs/service.js";
import type { Finding } from "./checks.js";
import type { ControlTotals } from "./control.js";
import type { PartnerProfile } from "./profile.js";

/** A partner's line of the table. */
export interface PartnerLine {
  readonly profile: PartnerProfile;
  /** How often it is settled, e.g. `DAILY`. */
  readonly cycle: string;
  readonly control: ControlTotals;
  readonly batches: number;
  readonly settled: readonly SettledRow[];
}

/** Where somebody who has seen the table looks next. */
export interface Pointers {
  readonly url: string;
  readonly token: string;
  /** The link by which a person becomes the tenant's administrator. */
  readonly invitation: string;
  readonly dataDir: string;
  /** The command, as it is called from the package's folder. */
  readonly command: string;
  readonly adminClientId: string;
  readonly adminKeyFile: string;
  /** A partner to begin with: its id, client and key, and a file that it can import. */
  readonly partnerId: string;
  readonly clientId: string;
  readonly keyFile: string;
  readonly sampleFile: string;
}

const HEADER = ["partner", "kind", "zone", "settled", "transactions", "batches", "periods", "earned", "payable", ""];
const RIGHT = new Set([4, 5, 6, 7, 8]);

/** The table of partners, a line each and a line of sums, ruled below its header. */
export function partnerTable(lines: readonly PartnerLine[]): string {
  const rows = lines.map(({ profile, cycle, control, batches, settled }) => [
    ...[profile.name, lower(profile.kind), profile.timezone, lower(cycle)],
    ...[grouped(String(control.distinct)), grouped(String(batches)), String(settled.length)],
    ...[sumOf(settled, "earned", profile.currency), sumOf(settled, "payable", profile.currency), profile.currency],
  ]);
  const total = (of: (line: PartnerLine) => number) => grouped(String(lines.reduce((sum, line) => sum + of(line), 0)));
  const sums = [
    ...["", "", "", "", total(({ control }) => control.distinct), total(({ batches }) => batches)],
    ...[total(({ settled }) => settled.length), "", "", ""],
  ];
  return ruled([HEADER, ...rows, sums]);
}

/** A sentence for each partner that takes a loss into its next period, which is why it earned little. */
export function carriedLosses(lines: readonly PartnerLine[]): string[] {
  return lines.flatMap(({ profile: { name, currency }, settled }) => {
    const carried = settled.at(-1)?.carryOut ?? "";
    return carried.startsWith("-")
      ? [`  ${name} carries a loss of ${grouped(carried.slice(1))} ${currency} into its next period.`]
      : [];
  });
}

/** A line for each thing verified: a mark, how many, what; what is wrong below it. */
export function findingLines(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ count }) => grouped(String(count)).length));
  return findings
    .flatMap(({ what, count, faults }) => [
      `  ${faults.length === 0 ? "✓" : "✗"} ${grouped(String(count)).padStart(width)} ${what}`,
      ...faults.slice(0, 5).map((fault) => `      ${fault}`),
    ])
    .join("\n");
}

/** Something of each kind to paste into GraphiQL. */
export function exampleOperations(partnerId: string): { query: string; mutation: string; subscription: string } {
  return {
    query: `query { statements(partnerId: "${partnerId}", first: 3) { edges { node { period { startsAt endsAt }
      base carryIn earned { amount currency } payable { amount } lines { code formula result } } } } }`,
    mutation: `mutation { createPartner(input: { code: "my-studio", name: "My Studio", kind: GAME_PROVIDER,
      currencies: ["EUR"], timezone: "Europe/Vienna", idempotencyKey: "my-first" }) { partner { id code } } }`,
    subscription: `subscription { batchStatus(partnerId: "${partnerId}") { sequence at state
      batch { id itemCount postedCount } } }`,
  };
}

/** Where to look next: pages, commands, and something to paste. */
export function pointersText(pointers: Pointers): string {
  const { url, token, command, partnerId, clientId, keyFile, sampleFile, adminClientId, adminKeyFile } = pointers;
  const { query, mutation, subscription } = exampleOperations(partnerId);
  return `Where to look next

  GraphiQL, with a token that is good for ten minutes, and three things to paste there:
    ${url}/graphiql#token=${token}

    ${query}

    ${mutation}

    ${subscription}

  Sign in as a person, the administrator: choose a password, good for three days and once
    ${pointers.invitation}

  Another token:
    ${command} token --url ${url} --client ${adminClientId} --key ${adminKeyFile}

  A partner's side, with a file of three transactions:
    ${command} import ${sampleFile} --url ${url} --client ${clientId} --key ${keyFile}

  The operator's side:
    ${command} fsck --data-dir ${pointers.dataDir} --json`;
}

function sumOf(settled: readonly SettledRow[], member: "earned" | "payable", currency: string): string {
  const scale = scaleOf(currency);
  let sum = 0n;
  for (const row of settled) {
    const minor = parseAmount(row[member], scale, { signed: true });
    if (typeof minor === "bigint") sum += minor;
  }
  return grouped(decimalText(sum, scale));
}

function ruled(rows: readonly (readonly string[])[]): string {
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const padded = (cell: string, column: number) => {
    const width = widths[column] ?? 0;
    return RIGHT.has(column) ? cell.padStart(width) : cell.padEnd(width);
  };
  const written = rows.map((row) => `  ${row.map(padded).join("  ")}`.trimEnd());
  const rule = `  ${widths.map((width) => "─".repeat(width)).join("──")}`;
  return [written[0], rule, ...written.slice(1, -1), rule, written.at(-1)].join("\n");
}

/** Thousands apart, by a thin sign that no currency writes its decimals with. */
function grouped(decimal: string): string {
  const [whole = "", fraction] = decimal.split(".");
  const spaced = whole.replace(/\B(?=(\d{3})+$)/g, " ");
  return fraction === undefined ? spaced : `${spaced}.${fraction}`;
}

function lower(word: string): string {
  return word.toLowerCase().replaceAll("_", " ");
}

import { canonicalJson } from "../../src/kernel/canonical-json.js";
import { sha256Hex } from "../../src/kernel/digest.js";
import { parseConfiguration } from "../../src/settlement/document.js";
import { contractOf } from "../../src/settlement/document-contract.js";
import type { Language } from "../../src/settlement/renditions/entities.js";
import { type Sheet, sheetOf } from "../../src/settlement/renditions/sheet.js";
import { buildStatementDocument } from "../../src/settlement/statement-document.js";
import { type StatementDocument, statementSchema } from "../../src/settlement/statement-schema.js";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import { calculate } from "../../src/settlement/terms/calculate.js";
import { periodDays } from "../../src/settlement/terms/period.js";
import type { State } from "../../src/settlement/terms/state.js";
import { example, totalsOf } from "../support/contracts.js";

/** What a week of a studio came to. */
export const ACTIVITY = totalsOf({
  ...{ BET: 1_250_000, ROLLBACK_BET: 10_000, WIN: 1_172_000, ROLLBACK_WIN: 2_000, BONUS: 12_000 },
  ...{ JACKPOT_CONTRIBUTION: 12_400, JACKPOT_WIN: 50_000, ADJUSTMENT: -240 },
});

/** What a test wants of a statement otherwise. */
interface Wanted {
  /** A configuration document; the worked contract of docs/settlement.md where none is given. */
  readonly configuration?: unknown;
  readonly openingMinor?: bigint;
  readonly state?: State;
}

/** The statement of the first week of March 2026 in Seoul, as a reader parses it. */
export function statementWith(
  totals: readonly KindTotal[],
  { configuration = example("config-weekly-tiers"), openingMinor = -150_000n, state = [] }: Wanted = {},
): StatementDocument {
  const document = parseConfiguration(configuration);
  const [startsAt, endsAt] = [new Date("2026-02-28T15:00:00.000Z"), new Date("2026-03-07T15:00:00.000Z")];
  const span = { startsAt, endsAt, cycleStartsAt: startsAt, cycleEndsAt: endsAt, timezone: "Asia/Seoul" };
  const contract = contractOf(document, { currency: "USD", scale: 2 });
  const result = calculate({ contract, totals, state, openingMinor, period: periodDays(span) });
  const header = {
    ...{ tenantId: "tnt_a", partnerId: "ptn_b", statementId: "stm_c", issuedAt: new Date("2026-03-08T00:00:01.000Z") },
    ...{ period: { id: "prd_d", ...span }, currency: "USD", scale: 2 },
    configuration: { id: "cfg_e", version: 3, document },
    previousStatement: { id: "stm_b", sha256: "ab".repeat(32) },
    payment: { from: "2026-03-08", afterDays: 2, calendar: "KR", closedDays: ["2026-03-09"], on: "2026-03-11" },
    commitment: { size: 12, root: "cd".repeat(32) },
  };
  return statementSchema.parse(JSON.parse(JSON.stringify(buildStatementDocument(header, totals, result))));
}

/** It, to be shown in a language. */
export function shown(document: StatementDocument, language: Language = "en"): Sheet {
  return sheetOf({ document, sha256: sha256Hex(canonicalJson(document)), kid: "platform-1" }, language);
}

/** So many brands, each with terms of its own: six lines and more for each. */
export function manyBrands(count: number): StatementDocument {
  const brands = Array.from({ length: count }, (_, index) => `brand-${index}`);
  const totals = brands.flatMap((brand, index) => {
    const place = { brand, product: "crash", category: "slots" };
    return totalsOf({ BET: 1_000 + index, WIN: 900 }).map((total) => ({ ...total, place }));
  });
  const overrides = brands.map((brand) => ({ for: { brand }, share: { kind: "FLAT", rate: "0.1" } }));
  return statementWith(totals, { configuration: { ...example("config-daily-12pct"), overrides } });
}

/** The rows of a CSV text (RFC 4180), each with its cells. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  for (let rest = text; rest !== ""; ) {
    const row: string[] = [];
    for (let end = ","; end === ","; ) {
      const [whole = "", quoted, plain = "", ended = ""] =
        /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/.exec(rest) ?? [];
      if (whole === "") throw new Error(`not a CSV cell: ${rest.slice(0, 50)}`);
      row.push(quoted?.replaceAll('""', '"') ?? plain);
      rest = rest.slice(whole.length);
      end = ended;
    }
    rows.push(row);
  }
  return rows;
}

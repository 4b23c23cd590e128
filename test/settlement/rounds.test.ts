import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { Batch } from "../../src/exchange/entities.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { publicKeysForAllTenants } from "../../src/identity/platform-keys/service.js";
import { balancesOf } from "../../src/ledger/service.js";
import { type SettledRow, settle } from "../../src/settlement/runs/service.js";
import { statementOf, verifyStatement } from "../../src/settlement/statements/service.js";
import { testApp } from "../support/app.js";
import { openPlace, type Place, type Reported, submit } from "./place.js";

const FILE = resolve(import.meta.dirname, "../../../shared/data/rounds.csv.gz");
const isMissing = !existsSync(FILE);
const BATCH_ROWS = 1_000;
const SEOUL_MS = 9 * 3_600_000;
const DAY_MS = 86_400_000;
const THROUGH = "2021-11-22T15:00:00.000Z";

const app = await testApp();

interface Row {
  readonly id: string;
  readonly kind: string;
  readonly product: string;
  readonly round: string;
  readonly player: string;
  readonly amount: string;
  readonly currency: string;
  readonly occurredAt: string;
}

function readRows(): Row[] {
  const [, ...lines] = gunzipSync(readFileSync(FILE)).toString("utf8").trimEnd().split(/\r?\n/);
  return lines.map((line) => {
    const [id = "", kind = "", product = "", round = "", player = "", amount = "", currency = "", occurredAt = ""] =
      line.split(",");
    return { id, kind, product, round, player, amount, currency, occurredAt };
  });
}

/** Tenths of a satoshi, which every value of this contract is a whole number of: its cap is a tenth of GGR. */
function tenths(text: string): bigint {
  const [, sign = "", whole = "", fraction = ""] = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  const value = BigInt(whole + fraction.padEnd(9, "0"));
  return sign === "-" ? -value : value;
}

interface Day {
  bets: bigint;
  wins: bigint;
  bonuses: bigint;
}

interface Expected {
  readonly base: bigint;
  readonly carryIn: bigint;
  readonly carryOut: bigint;
  readonly earned: bigint;
}

/** The contract calculated a second time, straight from the rows: everything in tenths of a satoshi. */
function naiveSettlement(rows: readonly Row[], first: string, days: number): Expected[] {
  const sums = Array.from({ length: days }, (): Day => ({ bets: 0n, wins: 0n, bonuses: 0n }));
  const firstDay = Math.floor((new Date(first).getTime() + SEOUL_MS) / DAY_MS);
  for (const row of rows) {
    const day = sums[Math.floor((new Date(row.occurredAt).getTime() + SEOUL_MS) / DAY_MS) - firstDay];
    if (day === undefined) throw new Error(`${row.id} lies outside the days`);
    const amount = tenths(row.amount);
    if (row.kind === "BET") day.bets += amount;
    else if (row.kind === "WIN") day.wins += amount;
    else if (row.kind === "BONUS") day.bonuses += amount;
    else throw new Error(`${row.id} is a ${row.kind}`);
  }
  let carry = 0n;
  return sums.map(({ bets, wins, bonuses }) => {
    const ggr = bets - wins;
    const cap = ggr > 0n ? ggr / 10n : 0n; // exact: an amount is ten tenths of a satoshi
    const base = ggr - (bonuses < cap ? bonuses : cap);
    const carryIn = carry;
    const net = base + carryIn;
    carry = net < 0n ? net : 0n;
    const earned = net > 0n ? 10n * halfEven(net * 12n, 1_000n) : 0n; // 12 % in whole satoshis, of ten tenths each
    return { base, carryIn, carryOut: carry, earned };
  });
}

function halfEven(dividend: bigint, divisor: bigint): bigint {
  const [quotient, twice] = [dividend / divisor, 2n * (dividend % divisor)];
  const isUp = twice > divisor || (twice === divisor && quotient % 2n === 1n);
  return isUp ? quotient + 1n : quotient;
}

/** Imports the rows in batches and answers what became of them. */
async function importRows(place: Place, rows: readonly Row[]) {
  const counts = { batches: 0, posted: 0, duplicate: 0, refused: 0, pending: 0 };
  const numbers: string[] = [];
  for (let start = 0; start < rows.length; start += BATCH_ROWS) {
    const reported: Reported[] = rows.slice(start, start + BATCH_ROWS).map((row) => ({ ...row }));
    numbers.push((await submit(app, place, reported)).no);
  }
  while (!(await postBatches(app, place.partner)).isDrained);
  for (const no of numbers) {
    const batch = await app.database.manager.findOneBy(Batch, { tenantNo: place.partner.tenantNo, no });
    counts.batches += 1;
    counts.posted += batch?.postedCount ?? 0;
    counts.duplicate += batch?.duplicateCount ?? 0;
    counts.refused += batch?.refusedCount ?? 0;
    counts.pending += batch?.pendingCount ?? 0;
  }
  return counts;
}

function comparable({ base, carryIn, carryOut, earned, payable }: SettledRow): Expected & { payable: bigint } {
  return {
    ...{ base: tenths(base), carryIn: tenths(carryIn), carryOut: tenths(carryOut), earned: tenths(earned) },
    payable: tenths(payable),
  };
}

test.skipIf(isMissing)(
  "three weeks of real rounds settle as a naive calculation says (skipped where shared/data/rounds.csv.gz is absent)",
  async () => {
    app.clock.set("2021-11-22T16:00:00.000Z");
    const rows = readRows();
    const first = "2021-10-31T15:00:00.000Z";
    const place = await openPlace(app, first, { currencies: ["BTC"], timezone: "Asia/Seoul" });

    const none = { duplicate: 0, refused: 0, pending: 0 };
    expect(await importRows(place, rows)).toEqual({ batches: 53, posted: 52_398, ...none });
    const totals = await app.database.query(
      `select kind, sum(count) as count, sum(sum_minor) as sum from activity_total
       where tenant_no = ? and partner_no = ? group by kind order by kind`,
      [place.partner.tenantNo, place.partner.no],
    );
    expect(totals).toEqual([
      { kind: "BET", count: "27409", sum: "7539391300" },
      { kind: "BONUS", count: "8266", sum: "61710562" },
      { kind: "WIN", count: "16723", sum: "7520305997" },
    ]);

    const input = { partnerId: place.partner.id, through: new Date(THROUGH) };
    const settled = await settle(app, place.shell, input);
    const expected = naiveSettlement(rows, first, 22);
    expect(settled.map(comparable)).toEqual(expected.map((day) => ({ ...day, payable: day.earned })));
    expect(expected.filter(({ carryOut }) => carryOut < 0n).length).toBeGreaterThan(2);
    expect(await settle(app, place.shell, input)).toEqual(settled);

    const jwks = { keys: await publicKeysForAllTenants(app) };
    for (const { statementId } of settled) {
      expect(verifyStatement((await statementOf(app, place.actor, statementId)).jws, jwks)).toBeNull();
    }

    const before = await balancesOf(app, place.partner, null);
    expect(await importRows(place, rows)).toEqual({ ...none, batches: 53, posted: 0, duplicate: 52_398 });
    expect(await balancesOf(app, place.partner, null)).toEqual(before);
    expect(await settle(app, place.shell, input)).toEqual(settled);
  },
  240_000,
);

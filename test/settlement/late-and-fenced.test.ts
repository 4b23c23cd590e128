import { describe, expect, test } from "vitest";
import { publicKeysForAllTenants } from "../../src/identity/platform-keys/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { PeriodState } from "../../src/periods/entities.js";
import { fineActivityOf } from "../../src/periods/fine-totals/service.js";
import { NOBODY } from "../../src/periods/grains/entities.js";
import { abortPeriod } from "../../src/settlement/aborting/service.js";
import { replay } from "../../src/settlement/replays/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import type { StatementDocument } from "../../src/settlement/statement-schema.js";
import { documentOf, statementsByPeriod, verifyStatement } from "../../src/settlement/statements/service.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { activate, openPlace, type Place, periods, type Reported, report, submit } from "./place.js";

const app = await testApp();
const GGR = { measure: "GGR", freeRoundStake: "FACE_VALUE", jackpotWins: "EXCLUDED" };
const BASIC = { ...example("config-daily-12pct"), base: GGR, share: { kind: "FLAT", rate: "0.3" } };
const NONE = { policy: "NONE" };
const RING_FENCE = { playerAtMost: "-7000", aggregateAtMost: "-2000" };
const FENCED = { ...BASIC, carryOver: { ...NONE, ringFence: RING_FENCE } };
const AT_ORIGIN = { ...BASIC, lateItems: "ORIGIN_TERMS" };
const FLOOR = { guarantee: { kind: "FLOOR", amount: "1000", prorate: "NONE" } };

/** Noon in Seoul on a day of March 2026; periods start on the first. */
const on = (day: number) => `2026-03-${String(day).padStart(2, "0")}T03:00:00.000Z`;

function bet(day: number, amount: number, more: Readonly<Record<string, unknown>> = {}): Reported {
  const kind = amount < 0 ? "WIN" : "BET";
  return { kind, amount: `${Math.abs(amount)}.00`, occurredAt: on(day), player: "someone", ...more };
}

async function open(document: unknown): Promise<Place> {
  app.clock.set("2026-03-05T20:00:00.000Z");
  return openPlace(app, "2026-02-28T15:00:00.000Z", { document });
}

/** Settles through the end of a day; answers that day's statement, after it was verified. */
async function settleDay(place: Place, day: number, currency = "USD"): Promise<StatementDocument> {
  const through = new Date(`2026-03-${String(day).padStart(2, "0")}T15:00:00.000Z`);
  await settle(app, place.shell, { partnerId: place.partner.id, through });
  const period = (await periods(app, place))[day - 1];
  const [statements = []] = await statementsByPeriod(app, place.partner.tenantNo, [period?.no ?? 0]);
  const statement = statements.find((each) => each.currency === currency);
  expect(verifyStatement(statement?.jws ?? "", { keys: await publicKeysForAllTenants(app) })).toBeNull();
  return documentOf(statement ?? { jws: "" });
}

async function expectSound(place: Place): Promise<void> {
  const { differences } = await fsck(app, { tenantId: place.tenant.id });
  expect(differences).toEqual([]);
  const settled = (await periods(app, place)).filter(({ state }) => state === PeriodState.STATEMENT_ISSUED);
  for await (const again of replay(app, place.partner, { periods: settled, draft: null })) {
    for (const { before, after, lines } of again) {
      expect([after.earnedMinor, after.closingMinor]).toEqual([before.earnedMinor, before.closingMinor]);
      expect(lines.filter(({ delta }) => !/^0(\.0+)?$/.test(delta))).toEqual([]);
    }
  }
}

function carriesOf({ state }: StatementDocument) {
  return state.closing.filter(({ name }) => name.endsWith("CARRY")).map(({ value }) => value);
}

describe("domain 7, high-roller ring-fence, through the database", () => {
  test("A −9,000 and others +6,000: 0 and 3,000 against A; next +2,000 and +5,000: 1,500.00", async () => {
    const place = await open(FENCED);
    await report(app, place, [bet(1, -9_000, { player: "A" }), bet(1, 4_000), bet(1, 2_000, { player: undefined })]);
    await report(app, place, [bet(2, 2_000, { player: "A" }), bet(2, 5_000)]);
    const first = await settleDay(place, 1);
    expect([first.earned, first.base, first.carryOut]).toEqual(["0.00", "-3000.00", "-3000.00"]);
    const second = await settleDay(place, 2);
    expect([second.earned, second.base, second.carryOut]).toEqual(["1500.00", "7000.00", "-1000.00"]);
    await expectSound(place);
  });

  test("a statement names a player by the keyed pseudonym alone, and only whom the ring-fence looks at", async () => {
    const place = await open(FENCED);
    await report(app, place, [bet(1, -9_000, { player: "high-roller" }), bet(1, -10, { player: "somebody-else" })]);
    const document = await settleDay(place, 1);
    const players = document.totals.flatMap(({ player }) => player ?? []);
    expect(players).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
    expect(JSON.stringify(document)).not.toMatch(/high-roller|somebody-else/);
    const [row] = await app.database.query(
      "select hex(player) as player from transaction where tenant_no = ? and amount_minor = 900000",
      [place.partner.tenantNo],
    );
    expect(players).toEqual([row.player.toLowerCase()]);
  });

  test("a rollback counts against the original's player, whoever it names and whichever comes first", async () => {
    const place = await open(FENCED);
    const rollback = { kind: "ROLLBACK", amount: "8000.00", product: undefined, player: "B" };
    await submit(app, place, [{ ...rollback, id: "r-1", reverses: "w-1", occurredAt: on(1) }]); // waits
    await report(app, place, [
      bet(1, -9_000, { player: "A" }),
      bet(1, -8_000, { id: "w-2", player: "A" }),
      bet(1, 100),
    ]);
    await submit(app, place, [bet(1, -8_000, { id: "w-1", player: "A" })]);
    await report(app, place, [{ ...rollback, id: "r-2", reverses: "w-2", occurredAt: on(2) }]);
    const document = await settleDay(place, 1);
    expect(document.lines.find(({ code }) => code === "PLAYER_BASE")?.result).toBe("-9000.00");
    expect(document.carryOut).toBe("-8900.00");
    await expectSound(place);
  });

  test("a partner whose terms do not look at players keeps no totals of them", async () => {
    const place = await open(BASIC);
    await report(app, place, [bet(1, -9_000, { player: "A" })]);
    const [first] = await periods(app, place);
    expect(first?.grain).toEqual([]);
    const source = { periodNo: first?.no ?? 0, originPeriodNo: null };
    expect(await fineActivityOf(app.database.manager, place.partner, source, null)).toEqual([]);
    await expectSound(place);
  });

  test("players are told apart from the next period on: one that has begun is refused", async () => {
    const place = await open(BASIC);
    await report(app, place, [bet(5, 10)]);
    await expect(activate(app, place, FENCED, "2026-03-04T15:00:00.000Z")).rejects.toMatchObject({
      code: "VALIDATION",
      details: { reason: expect.stringContaining("told apart") },
    });
    await activate(app, place, FENCED, "2026-03-05T15:00:00.000Z");
    app.clock.set("2026-03-06T04:00:00.000Z");
    await report(app, place, [bet(5, 10), bet(6, -9_000, { player: "A" })]);
    const grains = (await periods(app, place)).slice(3, 6).map(({ grain }) => grain);
    expect(grains).toEqual([[], [], ["PLAYER"]]);
    const sixth = { periodNo: (await periods(app, place))[5]?.no ?? 0, originPeriodNo: null };
    const rows = await fineActivityOf(app.database.manager, place.partner, sixth, null);
    expect(rows.map(({ kind, sumMinor, player }) => [kind, sumMinor, player !== NOBODY])).toEqual([
      ["WIN", 900_000n, true],
    ]);
  });

  test("units of their own are fenced by themselves, and places are kept with the players", async () => {
    const override = { for: { product: "slots" }, share: { kind: "FLAT", rate: "0.5" } };
    const place = await open({ ...FENCED, overrides: [override] });
    await report(app, place, [
      bet(1, -9_000, { player: "A", product: "slots" }),
      bet(1, 1_000, { product: "slots" }),
      bet(1, 500, { player: "A" }),
      bet(1, 700),
    ]);
    const document = await settleDay(place, 1);
    expect(document.earned).toBe("360.00");
    const scope = expect.stringMatching(/^product=slots; player=[0-9a-f]{32}$/);
    expect(document.state.closing).toMatchObject([{ name: "PLAYER_CARRY", scope, value: "-8000.00" }]);
    await expectSound(place);
  });

  test("a draft that fences players is not simulated over periods that do not tell them apart", async () => {
    const place = await open(BASIC);
    await report(app, place, [bet(1, 10)]);
    await settleDay(place, 1);
    const [first] = await periods(app, place);
    const draft = FENCED as never;
    const replayed = replay(app, place.partner, { periods: first === undefined ? [] : [first], draft });
    await expect(replayed.next()).rejects.toMatchObject({ code: "VALIDATION" });
  });
});

describe("domain 6, ORIGIN_TERMS, through the database", () => {
  test("a late item settles at its origin's tiers and version, apart from the present base", async () => {
    const brackets = [{ upTo: "5000", rate: "0.25" }, { rate: "0.3" }];
    const tiered = { ...AT_ORIGIN, share: { kind: "TIERED", mode: "SLAB", brackets } };
    const place = await open(tiered);
    await activate(app, place, AT_ORIGIN, "2026-03-01T15:00:00.000Z");
    await report(app, place, [bet(1, 4_000, { id: "b-1" })]);
    expect((await settleDay(place, 1)).earned).toBe("1000.00");
    await report(app, place, [bet(1, 2_000), bet(2, 100)]);
    const second = await settleDay(place, 2);
    expect([second.earned, second.base]).toEqual(["830.00", "100.00"]); // 6,000 × 30 % − 1,000, and 100 × 30 %
    expect(second.origins).toMatchObject([{ period: { start: "2026-02-28T15:00:00.000Z" }, late: [] }]);
    await report(app, place, [
      { id: "r-1", kind: "ROLLBACK", reverses: "b-1", amount: "4000.00", occurredAt: on(3), product: undefined },
    ]);
    const third = await settleDay(place, 3);
    expect([third.earned, third.closing]).toEqual(["-1300.00", "-1300.00"]); // 2,000 × 25 % − 1,800
    expect(third.origins?.[0]?.late).toMatchObject([{ kind: "BET", sum: "2000.00" }]);
    expect(third.lines.find(({ scope }) => scope.startsWith("origin="))).toMatchObject({
      ...{ code: "SHARE", inputs: { again: "500.00", settled: "1800.00" }, term: "/lateItems" },
    });
    await expectSound(place);
  });

  test("a late loss of a period that carried moves the present carry-in", async () => {
    const place = await open({ ...AT_ORIGIN, carryOver: { policy: "FULL", unit: "BASE" } });
    await report(app, place, [bet(1, -100)]);
    await settleDay(place, 1);
    await report(app, place, [bet(1, -50), bet(2, 1_000)]);
    const second = await settleDay(place, 2);
    expect([second.carryIn, second.earned]).toEqual(["-150.00", "255.00"]);
    await report(app, place, [bet(1, 150), bet(3, 10)]);
    const third = await settleDay(place, 3);
    expect([third.carryIn, third.earned, third.carryOut]).toEqual(["150.00", "48.00", "0.00"]);
    await expectSound(place);
  });

  test("fees and jackpots that come late clear their accounts", async () => {
    const place = await open(AT_ORIGIN);
    await report(app, place, [bet(1, 100)]);
    await settleDay(place, 1);
    await report(app, place, [
      { kind: "FEE", category: "PROVIDER", amount: "7.00", occurredAt: on(1) },
      { kind: "JACKPOT_WIN", amount: "40.00", occurredAt: on(1) },
    ]);
    const second = await settleDay(place, 2);
    expect(second.earned).toBe("-33.00");
    expect(second.lines.filter(({ scope }) => scope !== "").map(({ code, amount }) => [code, amount])).toEqual([
      ["JACKPOT_WINS", "-40.00"],
      ["FEES", "7.00"],
    ]);
    await expectSound(place);
  });

  test("for a period that was given up its guarantee and its fee come as well: nothing was settled", async () => {
    const fees = [{ kind: "FIXED", name: "desk", payer: "PARTNER", amount: "10", per: "PERIOD" }];
    const place = await open({ ...AT_ORIGIN, ...FLOOR, fees });
    const [first] = await periods(app, place);
    await abortPeriod(app, place.shell, { periodId: first?.id ?? "", reason: "Nothing was played." });
    await report(app, place, [bet(1, 100), bet(2, 10_000)]);
    const second = await settleDay(place, 2);
    expect(second.earned).toBe("3990.00"); // 10,000 × 30 % − 10, and 1,000 for the first
    expect(second.origins).toMatchObject([{ statement: null, late: [] }]);
    await report(app, place, [bet(1, 5_000), bet(3, 10_000)]);
    expect((await settleDay(place, 3)).earned).toBe("3510.00"); // 2,990, and 5,100 × 30 % − 10 − 1,000
    await expectSound(place);
  });

  test("and for a currency in which the period has no statement", async () => {
    app.clock.set("2026-03-05T20:00:00.000Z");
    const change = { document: { ...AT_ORIGIN, ...FLOOR }, currencies: ["USD", "EUR"] };
    const place = await openPlace(app, "2026-02-28T15:00:00.000Z", change);
    expect((await settleDay(place, 1)).earned).toBe("1000.00");
    await report(app, place, [bet(1, 2_000, { currency: "EUR" }), bet(2, 5_000, { currency: "EUR" })]);
    const second = await settleDay(place, 2, "EUR");
    expect(second.earned).toBe("2500.00"); // 1,500, and 1,000 for the first
    const late = second.lines.filter(({ scope }) => scope.startsWith("origin="));
    expect(late.map(({ code, inputs }) => [code, inputs])).toEqual([
      ["SHARE", { again: "600.00", settled: "0.00" }],
      ["TOP_UP", { again: "400.00", settled: "0.00" }],
    ]);
    await expectSound(place);
  });

  test("a late loss of a player is fenced in the period in which it was lost", async () => {
    const place = await open({ ...FENCED, lateItems: "ORIGIN_TERMS" });
    await report(app, place, [bet(1, -6_000, { player: "A" }), bet(1, 3_500)]);
    expect(carriesOf(await settleDay(place, 1))).toEqual([]);
    await report(app, place, [bet(1, -2_000, { player: "A" }), bet(2, 500, { player: "A" }), bet(2, 100)]);
    const second = await settleDay(place, 2);
    expect([second.earned, carriesOf(second)]).toEqual(["30.00", ["-4000.00"]]); // A lost 8,000, all 4,500
    await report(app, place, [bet(1, 5_000, { player: "A" }), bet(1, -7_500, { player: "B" }), bet(3, 100)]);
    const third = await settleDay(place, 3);
    // On the first A lost 3,000, B 7,500, all of them 7,000: that is B's, and A's 500 taken off since are given back.
    expect([third.earned, carriesOf(third)]).toEqual(["180.00", ["-7000.00"]]);
    await expectSound(place);
  });
});

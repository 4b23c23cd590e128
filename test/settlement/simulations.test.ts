import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { systemActor } from "../../src/kernel/actor.js";
import { CodedError } from "../../src/kernel/errors.js";
import { newId } from "../../src/kernel/ids.js";
import { PeriodState } from "../../src/periods/entities.js";
import { register } from "../../src/server/commands/simulate.js";
import { draftConfiguration } from "../../src/settlement/configurations/service.js";
import { followSimulation } from "../../src/settlement/progress/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import { runSimulation } from "../../src/settlement/simulating/service.js";
import { SimulationState } from "../../src/settlement/simulations/entities.js";
import { sweepSimulationsForAllTenants } from "../../src/settlement/simulations/jobs.js";
import {
  cancelSimulation,
  linesOf,
  refusalsOf,
  type SimulateInput,
  simulatedPartners,
  simulatedStatements,
  simulateSettlement,
  simulationOf,
} from "../../src/settlement/simulations/service.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { example } from "../support/contracts.js";
import { seedClient, seedTenant } from "../support/seeds.js";
import { activate, openPlace, type Place, type PlaceChanges, periods, report } from "./place.js";

const app = await testApp();
const api = await testApi(app);

/** Seoul's days begin at 15:00 UTC: the first period is that of 2 March. */
function day(number: number): string {
  return new Date(Date.UTC(2026, 2, number, 15)).toISOString();
}

const { base: _, ...DAILY } = example("config-daily-12pct");
const GGR = { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" };
const BY_GGR = { ...DAILY, base: GGR };
/** Everything that lasts longer than a statement: a window, a carry by brand, a reserve, tax, fees. */
const CHAINED = {
  ...DAILY,
  base: GGR,
  share: {
    ...{ kind: "TIERED", mode: "SLAB", window: "MONTH" },
    brackets: [{ upTo: "500", rate: "0.25" }, { upTo: "1000", rate: "0.3" }, { rate: "1/3" }],
  },
  carryOver: { policy: "CAPPED", unit: "BASE", rate: "0.5", scope: "BRAND", expiresAfterPeriods: 3 },
  fees: [{ kind: "FIXED", name: "desk", payer: "PARTNER", amount: "10.00", per: "MONTH" }],
  reserve: { rate: "0.05", of: "EARNED", releaseAfterPeriods: 2 },
  taxes: { withholding: { rate: "0.033" } },
};
const RATE_20 = { ...BY_GGR, share: { kind: "FLAT", rate: "0.2" } };

/** A partner with settled days of these bases, the first of them 2 March in Seoul. */
async function settled(bases: readonly number[], changes: PlaceChanges = {}): Promise<Place> {
  app.clock.set(day(1));
  const place = await openPlace(app, day(1), { document: BY_GGR, ...changes });
  const brands = ["main", "other", undefined];
  const reported = bases.flatMap((base, index) => {
    const brand = brands[index % brands.length];
    const where = { occurredAt: day(index + 1), ...(brand === undefined ? {} : { brand }) };
    return [{ kind: base < 0 ? "WIN" : "BET", amount: `${Math.abs(base)}.00`, ...where }];
  });
  app.clock.set(new Date(new Date(day(bases.length)).getTime() + 1_000));
  await report(app, place, reported);
  const through = day(bases.length + 1);
  app.clock.set(through);
  await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(through) });
  return place;
}

async function simulate({ shell, partner }: Place, input: SimulateInput) {
  const whole = { from: new Date(day(1)), through: new Date(day(20)), partnerIds: [partner.id] };
  const simulation = await simulateSettlement(app, shell, input.periodId ? input : { ...whole, ...input });
  const { rows } = await simulatedStatements(app, simulation, { first: 500 });
  return { simulation, rows };
}

async function codeOf(action: Promise<unknown>): Promise<unknown> {
  return action.then(
    () => "answered",
    (error: unknown) => (error instanceof CodedError ? error.code : error),
  );
}

/** Checksums of every table but those that simulating writes: its own two, and the answers that are kept. */
async function checksums(): Promise<Record<string, unknown>> {
  const own = ["simulation", "simulated_statement", "idempotent_answer"];
  const tables = app.database.entityMetadatas.map(({ tableName }) => tableName).filter((name) => !own.includes(name));
  const rows: { Table: string; Checksum: unknown }[] = await app.database.query(`checksum table ${tables.join(", ")}`);
  return Object.fromEntries(rows.map(({ Table, Checksum }) => [Table, String(Checksum)]));
}

test("a range is replayed from what stood before it, and the difference is told by line", async () => {
  const place = await settled([-100, 300, 500]);
  const { simulation, rows } = await simulate(place, { from: new Date(day(2)), document: RATE_20 });
  expect(simulation).toMatchObject({ state: SimulationState.DONE, periodsDone: 2, partnersDone: 1 });
  expect(rows.map(({ earnedBeforeMinor, earnedAfterMinor }) => [earnedBeforeMinor, earnedAfterMinor])).toEqual([
    [2_400n, 4_000n], // 300 less the 100 that the day before left
    [6_000n, 10_000n],
  ]);
  const [first] = rows;
  const share = first === undefined ? undefined : linesOf(first).find(({ code }) => code === "SHARE");
  expect(share).toMatchObject({
    ...{ section: "EARNED", isMoney: true, delta: "16" },
    before: { formula: "rate * max(base + carryIn, 0)", amount: "24.00", term: "/share" },
    after: { formula: "rate * max(base + carryIn, 0)", amount: "40.00", inputs: { rate: "0.2", base: "300.00" } },
  });
  expect((await simulatedPartners(app, simulation, {})).rows).toEqual([
    {
      ...{ partnerNo: place.partner.no, currency: "USD" },
      ...{ earnedBeforeMinor: 8_400n, earnedAfterMinor: 14_000n },
      ...{ payableBeforeMinor: 8_400n, payableAfterMinor: 14_000n },
    },
  ]);
});

test("a draft's own state runs through the range: what it does not carry is not taken off", async () => {
  const place = await settled([-100, 300]);
  const { rows } = await simulate(place, { document: { ...BY_GGR, carryOver: { policy: "NONE" } } });
  expect(rows.map(({ earnedBeforeMinor, earnedAfterMinor }) => [earnedBeforeMinor, earnedAfterMinor])).toEqual([
    [0n, 0n],
    [2_400n, 3_600n],
  ]);
  const carry = linesOf(rows[1] as (typeof rows)[number]).find(({ code }) => code === "CARRY_IN");
  expect(carry).toMatchObject({ isMoney: false, delta: "100", before: { result: "-100.00" } });
});

test("by the pinned versions no line of any history differs, and nothing but the simulation is written", async () => {
  const runs = { numRuns: 6 };
  const history = fc.array(fc.integer({ min: -900, max: 900 }), { minLength: 2, maxLength: 7 });
  await fc.assert(
    fc.asyncProperty(history, fc.constantFrom(BY_GGR, CHAINED), fc.boolean(), async (bases, document, isNamed) => {
      const place = await settled(bases, { document });
      const before = await checksums();
      const draft = isNamed ? { configurationId: place.configuration.id } : {};
      const { rows } = await simulate(place, { from: new Date(day(bases.length > 3 ? 2 : 1)), ...draft });
      expect(rows.length).toBe(bases.length > 3 ? bases.length - 1 : bases.length);
      for (const row of rows) {
        expect(row.closingAfterMinor).toBe(row.closingBeforeMinor);
        for (const { delta, before, after } of linesOf(row)) {
          expect(delta).toBe("0");
          expect(after).toEqual(before);
        }
      }
      expect(await checksums()).toEqual(before);
    }),
    runs,
  );
});

test("a change of version inside the range is replayed as it was, each period by its own", async () => {
  app.clock.set(day(1));
  const place = await openPlace(app, day(1), { document: BY_GGR });
  await activate(app, place, RATE_20, day(2));
  app.clock.set(day(2));
  await report(app, place, [
    { kind: "BET", amount: "100.00", occurredAt: day(1) },
    { kind: "BET", amount: "100.00", occurredAt: day(2) },
  ]);
  app.clock.set(day(3));
  await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(day(3)) });
  const { rows } = await simulate(place, {});
  expect(rows.map(({ earnedAfterMinor }) => earnedAfterMinor)).toEqual([1_200n, 2_000n]);
  expect(rows.flatMap(linesOf).every(({ delta }) => delta === "0")).toBe(true);
});

test("a draft that does not fit one partner is refused for that one, and the others are replayed", async () => {
  const home = await seedTenant(app);
  const dollars = await settled([100], { home });
  const yen = await openPlace(app, day(1), { home, document: { ...BY_GGR }, currencies: ["JPY"] });
  await report(app, yen, [{ kind: "BET", amount: "100", currency: "JPY", occurredAt: day(1) }]);
  await settle(app, yen.shell, { partnerId: yen.partner.id, through: new Date(day(2)) });
  const document = { ...BY_GGR, payout: { minimum: "0.01" } };
  const { simulation, rows } = await simulate(dollars, { partnerIds: null, document });
  expect(simulation).toMatchObject({ state: SimulationState.DONE, partnersDone: 2, periodsDone: 2 });
  expect(rows.map(({ partnerNo }) => partnerNo)).toEqual([dollars.partner.no]);
  expect(refusalsOf(simulation)).toMatchObject([{ partnerId: yen.partner.id, code: "VALIDATION" }]);
});

const PARTNERS = `query ($id: ID!, $first: Int, $after: String) {
  simulation(id: $id) {
    partners(first: $first, after: $after) {
      edges { node { partner { id } earned { after { amount } } } } pageInfo { hasNextPage endCursor } totalCount
    }
  }
}`;

test("the sums by partner come page by page, each partner once, and no cursor of another list opens one", async () => {
  const first = await settled([100]);
  const places = [first, await settled([200], { home: first.home }), await settled([300], { home: first.home })];
  const range = { from: new Date(day(1)), through: new Date(day(2)), document: RATE_20 };
  const { id } = await simulateSettlement(app, first.shell, range);
  app.clock.set(new Date()); // tokens are by the real clock
  const token = await (await seedClient(app, first.shell, null)).token();
  const seen: unknown[] = [];
  for (let after: unknown = null; after !== undefined; ) {
    const { data } = await api.ask({ query: PARTNERS, variables: { id, first: 1, after }, token });
    const { edges, pageInfo, totalCount } = (data as { simulation: { partners: Sums } }).simulation.partners;
    expect([edges.length, totalCount]).toEqual([1, 3]);
    seen.push(...edges.map(({ node }) => [node.partner.id, node.earned.after.amount]));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : undefined;
  }
  expect(seen).toEqual(places.map(({ partner }, index) => [partner.id, `${20 * (index + 1)}.00`]));
  const after = Buffer.from("simulated:1").toString("base64url");
  const { errors } = await api.ask({ query: PARTNERS, variables: { id, after }, token });
  expect(errors?.map(({ extensions }) => extensions["code"])).toEqual(["VALIDATION"]);
});

interface Sums {
  readonly edges: readonly { node: { partner: { id: string }; earned: { after: { amount: string } } } }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
  readonly totalCount: number;
}

test("what cannot be replayed is refused", async () => {
  const place = await settled([100]);
  const [, open] = await periods(app, place, PeriodState.OPEN);
  const asked = (input: SimulateInput) => codeOf(simulateSettlement(app, place.shell, input));
  const range = { from: new Date(day(1)), through: new Date(day(2)) };
  expect(await asked({ periodId: open?.id ?? "" })).toBe("VALIDATION");
  expect(await asked({ from: new Date(day(5)), through: new Date(day(6)) })).toBe("VALIDATION");
  expect(await asked({ from: new Date(day(5)) })).toBe("VALIDATION");
  expect(await asked({ ...range, document: { ...BY_GGR, share: {} } })).toBe("VALIDATION");
  expect(await asked({ ...range, document: BY_GGR, configurationId: place.configuration.id })).toBe("VALIDATION");
});

test("what another tenant or partner has cannot be named or read", async () => {
  const place = await settled([100]);
  const stranger = await settled([100]);
  const range = { from: new Date(day(1)), through: new Date(day(2)) };
  const [period] = await periods(app, place);
  const asked = (input: SimulateInput) => codeOf(simulateSettlement(app, stranger.shell, input));
  expect(await asked({ periodId: period?.id ?? "" })).toBe("NOT_FOUND");
  expect(await asked({ ...range, partnerIds: [place.partner.id] })).toBe("NOT_FOUND");
  expect(await asked({ ...range, configurationId: place.configuration.id })).toBe("NOT_FOUND");
  const { simulation } = await simulate(place, { document: RATE_20 });
  expect(await codeOf(simulationOf(app, stranger.shell, simulation.id))).toBe("NOT_FOUND");
  expect(await codeOf(simulationOf(app, place.actor, simulation.id))).toBe("NOT_FOUND");
  expect(await codeOf(cancelSimulation(app, stranger.shell, simulation.id))).toBe("NOT_FOUND");
  const all = await simulateSettlement(app, stranger.shell, { ...range, document: RATE_20 });
  expect((await simulatedStatements(app, all, {})).rows.map(({ partnerNo }) => partnerNo)).toEqual([
    stranger.partner.no,
  ]);
});

test("a long range is left to a job, which anybody may take up anew, follow and stop", async () => {
  const place = await settled(Array.from({ length: 18 }, (_, index) => 100 + index));
  const second = await settled(
    Array.from({ length: 18 }, () => 50),
    { home: place.home },
  );
  const input = { from: new Date(day(1)), through: new Date(day(19)), document: RATE_20 };
  const { id, ...waiting } = await simulateSettlement(app, place.shell, input);
  expect(waiting).toMatchObject({ state: SimulationState.RUNNING, periodsTotal: 36, periodsDone: 0 });
  const key = { tenantId: place.tenant.id, id };

  const steps: number[] = [];
  const following = (async () => {
    for await (const step of await followSimulation(app, place.shell, id)) steps.push(step.periodsDone);
  })();
  await Promise.all([runSimulation(app, key), runSimulation(app, key), runSimulation(app, key)]);
  await runSimulation(app, key); // whoever was last holds it
  await following;
  const done = await simulationOf(app, place.shell, id);
  expect(done).toMatchObject({ state: SimulationState.DONE, periodsDone: 36, partnersDone: 2 });
  const { rows } = await simulatedStatements(app, done, { first: 500 });
  expect(rows.length).toBe(36);
  expect(new Set(rows.map(({ periodNo }) => periodNo)).size).toBe(36);
  expect(new Set(rows.map(({ partnerNo }) => partnerNo))).toEqual(new Set([place.partner.no, second.partner.no]));
  expect(steps.at(-1)).toBe(36);

  const stopped = await simulateSettlement(app, place.shell, input);
  await cancelSimulation(app, place.shell, stopped.id);
  await runSimulation(app, { ...key, id: stopped.id });
  expect(await simulationOf(app, place.shell, stopped.id)).toMatchObject({
    ...{ state: SimulationState.CANCELLED, periodsDone: 0 },
  });
  const lost = await simulateSettlement(app, place.shell, input);
  app.clock.advance(60_000);
  expect(await sweepSimulationsForAllTenants(app)).toBeGreaterThan(0);
  await cancelSimulation(app, place.shell, lost.id);
});

const SIMULATE = `mutation ($input: SimulateSettlementInput!) {
  simulateSettlement(input: $input) {
    simulation {
      id state partnersDone refusals { code }
      partners(first: 1) {
        edges { node { partner { id } earned { before { amount } after { amount } delta { amount currency } } } }
        pageInfo { hasNextPage } totalCount
      }
      statements { edges { node {
        currency partner { id } period { id } closing { delta { amount } }
        lines(onlyChanged: true) { code delta before { value formula } after { value formula inputs } }
      } } }
    }
  }
}`;

test("the API answers the difference to who may draft and read settlements, and to nobody else", async () => {
  const place = await settled([100]);
  app.clock.set(new Date()); // tokens are by the real clock
  const [period] = await periods(app, place);
  const input = { idempotencyKey: "what-if", periodId: period?.id, document: RATE_20 };
  const admin = await seedClient(app, place.shell, null);
  const ask = async (client: typeof admin) =>
    api.ask({ query: SIMULATE, variables: { input }, token: await client.token() });
  const { data, errors } = await ask(admin);
  expect(errors).toBeUndefined();
  const { simulation } = (data as { simulateSettlement: { simulation: Record<string, unknown> } }).simulateSettlement;
  expect(simulation).toMatchObject({
    state: "DONE",
    partners: {
      edges: [
        { node: { earned: { before: { amount: "12.00" }, after: { amount: "20.00" }, delta: { amount: "8.00" } } } },
      ],
      ...{ pageInfo: { hasNextPage: false }, totalCount: 1 },
    },
    statements: { edges: [{ node: { period: { id: period?.id }, closing: { delta: { amount: "0.00" } } } }] },
  });
  expect(JSON.stringify(simulation)).toContain('"code":"SHARE","delta":"8"');
  const { document, ...rest } = input;
  const typed = { ...rest, idempotencyKey: "typed", terms: { ...document, name: null } };
  const answered = await api.ask({ query: SIMULATE, variables: { input: typed }, token: await admin.token() });
  const { id: _, ...same } = simulation;
  expect(answered.data?.simulateSettlement.simulation).toMatchObject(same);
  for (const given of [{ document }, { configurationId: place.configuration.id }]) {
    const variables = { input: { ...typed, ...given, idempotencyKey: Object.keys(given).join() } };
    const { errors: refused } = await api.ask({ query: SIMULATE, variables, token: await admin.token() });
    expect(refused?.[0]).toMatchObject({
      message: "The draft is given once: as `configurationId`, as `document` or as `terms`.",
      extensions: { code: "VALIDATION", path: "/terms" },
    });
  }
  const codes = async (client: typeof admin) => (await ask(client)).errors?.map(({ extensions }) => extensions["code"]);
  expect(await codes(place)).toEqual(["FORBIDDEN"]);
  expect(await codes(await seedClient(app, place.shell, null, ["settlements:read"]))).toEqual(["FORBIDDEN"]);
  const drafting = await seedClient(app, place.shell, null, ["configs:draft"]);
  expect(await codes(drafting)).toContain("FORBIDDEN");
});

test("a version that was never submitted can be tried out", async () => {
  const place = await settled([100]);
  const { id } = await draftConfiguration(app, place.shell, { partnerId: place.partner.id, document: RATE_20 });
  const { rows } = await simulate(place, { configurationId: id });
  expect(rows.map(({ earnedAfterMinor }) => earnedAfterMinor)).toEqual([2_000n]);
  const actor = systemActor({ tenantId: place.tenant.id, tenantNo: place.tenant.no }, newId("req", app.clock));
  expect(await codeOf(simulateSettlement(app, actor, { periodId: "prd_none" }))).toBe("NOT_FOUND");
});

test("the shell prints the difference by partner", async () => {
  const place = await settled([100]);
  const [period] = await periods(app, place);
  const folder = mkdtempSync(join(tmpdir(), "quittance-simulate-"));
  writeFileSync(join(folder, "master.key"), app.config.masterKey.toString("base64url"));
  writeFileSync(join(folder, "draft.json"), JSON.stringify(RATE_20));
  const { databaseUrl, redisUrl } = app.config;
  const server = ["--data-dir", folder, "--database-url", databaseUrl, "--redis-url", redisUrl];
  const draft = ["--period", period?.id ?? "", "--file", join(folder, "draft.json")];
  const { stdout } = await runCommand(
    register,
    ...["simulate", "--tenant", place.tenant.id, ...draft, ...server, "--json"],
  );
  rmSync(folder, { recursive: true, force: true });
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ periods: 1, refusals: [] },
    partners: [{ partnerId: place.partner.id, earned: { before: "12.00", after: "20.00", delta: "8.00" } }],
  });
});

import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { type OwnSettings, termsOfGame } from "../../src/settlement/games/rules.js";
import {
  approveGameSettings,
  type NewGameSettings,
  refuseGameSettings,
  setGameSettings,
} from "../../src/settlement/games/service.js";
import { recomputeStatement } from "../../src/settlement/recompute.js";
import { replay } from "../../src/settlement/replays/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import type { StatementDocument } from "../../src/settlement/statement-schema.js";
import { documentOf, statementOf } from "../../src/settlement/statements/service.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { seedClient } from "../support/seeds.js";
import { openPlace, type Place, periods, report, setGame } from "./place.js";

const app = await testApp();
const api = await testApi(app);

const PROGRAM = new URL("recompute.py", import.meta.url).pathname;
const hasPython = spawnSync("python3", ["--version"]).status === 0;
/** Seoul's days of 2 and 3 March. */
const [DAY_1, DAY_2] = ["2026-03-01T15:00:00.000Z", "2026-03-02T15:00:00.000Z"];

async function open(changes: object = {}, home?: Place["home"]): Promise<Place> {
  app.clock.set(DAY_1);
  const { base: _, ...daily } = example("config-daily-12pct");
  const deductions = [{ type: "BONUS", source: "TRANSACTIONS" }];
  const base = { measure: "NGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED", deductions };
  const document = JSON.parse(JSON.stringify({ ...daily, base, ...changes }));
  return openPlace(app, DAY_1, { document, ...(home === undefined ? {} : { home }) });
}

async function set(place: Place, settings: Omit<NewGameSettings, "partnerId">, isType = false): Promise<void> {
  app.clock.advance(1);
  await setGame(app, place, { ...settings, ...(isType ? {} : { partnerId: place.partner.id }) });
}

async function settledDay(place: Place): Promise<StatementDocument> {
  app.clock.set("2026-03-02T15:00:01.000Z");
  const rows = await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(DAY_2) });
  const document = documentOf(await statementOf(app, place.actor, rows[0]?.statementId ?? ""));
  expect(recomputeStatement(document)).toEqual([]);
  if (hasPython) {
    const { stdout, stderr } = spawnSync("python3", [PROGRAM], { input: JSON.stringify([document]) });
    expect([stdout.toString().trim(), stderr.toString()]).toEqual(["", ""]);
  }
  return document;
}

const TOP = { for: { group: "TOP" }, share: { kind: "FLAT", rate: "0.2" } };
const SLOTS = { for: { category: "SLOTS" }, share: { kind: "FLAT", rate: "0.1" } };

function sharesOf({ lines }: StatementDocument) {
  return lines.filter(({ code }) => code === "SHARE").map(({ scope, amount }) => [scope, amount]);
}

describe("settings of game types and games", () => {
  test("a game has its own, else its type's: one place says it for every contract", async () => {
    const place = await open({ overrides: [TOP, SLOTS] });
    const other = await open({ overrides: [TOP] }, place.home);
    await set(place, { code: "SLOTS", group: "TOP" }, true);
    await set(place, { code: "reels", category: "SLOTS" });
    await set(place, { code: "fruits", category: "SLOTS", group: "" });
    await set(other, { code: "reels", category: "SLOTS" });
    for (const each of [place, other]) {
      await report(app, each, [
        { kind: "BET", product: "reels", amount: "100.00", occurredAt: DAY_1 },
        { kind: "BET", product: "fruits", amount: "100.00", occurredAt: DAY_1 },
        { kind: "BET", product: "poker", amount: "100.00", occurredAt: DAY_1 },
      ]);
    }
    const statement = await settledDay(place);
    expect(sharesOf(statement)).toEqual([
      ["", "12.00"],
      ["category=SLOTS", "10.00"],
      ["group=TOP", "20.00"],
    ]);
    expect(statement.totals.map((total) => [total.product, total.productCategory, total.productGroup])).toEqual([
      ["fruits", "SLOTS", undefined],
      ["poker", "OTHER", undefined],
      ["reels", "SLOTS", "TOP"],
    ]);
    expect(sharesOf(await settledDay(other))).toEqual([
      ["", "24.00"],
      ["group=TOP", "20.00"],
    ]);
  });

  test("bonus cost of a game that is let off is not deducted, and the statement says so", async () => {
    const place = await open();
    await set(place, { code: "SLOTS", bonusCost: false }, true);
    await set(place, { code: "reels", category: "SLOTS" });
    await report(app, place, [
      { kind: "BET", product: "reels", amount: "100.00", occurredAt: DAY_1 },
      { kind: "BONUS", product: "reels", amount: "30.00", occurredAt: DAY_1 },
      { kind: "BONUS", product: "poker", amount: "20.00", occurredAt: DAY_1 },
    ]);
    const statement = await settledDay(place);
    expect(statement).toMatchObject({ base: "80.00", earned: "9.60" });
    expect(statement.totals.map(({ kind, sum, isBonusFree }) => [kind, sum, isBonusFree])).toEqual([
      ["BET", "100.00", undefined],
      ["BONUS", "30.00", true],
      ["BONUS", "20.00", undefined],
    ]);
  });

  test("what is set after a close changes neither the period nor its replay, and each setting is an act", async () => {
    const place = await open({ overrides: [TOP] });
    await set(place, { code: "reels", group: "TOP" });
    await report(app, place, [{ kind: "BET", product: "reels", amount: "100.00", occurredAt: DAY_1 }]);
    expect(await settledDay(place)).toMatchObject({ earned: "20.00" });
    await set(place, { code: "reels", group: "" });
    const [first] = await periods(app, place);
    const replayed: bigint[] = [];
    for await (const statements of replay(app, place.partner, { periods: first ? [first] : [], draft: null })) {
      replayed.push(...statements.map(({ after }) => after.earnedMinor));
    }
    expect(replayed).toEqual([2000n]);
    const acts: { detail: string }[] = await app.database.query(
      "select detail from act where tenant_no = ? and type = ? order by no",
      [place.tenant.no, ActType.GAME_SETTINGS_SET],
    );
    expect(acts.map(({ detail }) => JSON.parse(detail))).toMatchObject([
      { after: { code: "reels", group: "TOP" } },
      { before: { group: "TOP" }, after: { code: "reels", group: "" } },
    ]);
  });

  test("inheritance: what a game says holds, whatever its type says; what it leaves open is its type's", () => {
    const text = fc.constantFrom(null, "", "TOP", "LOW");
    const settings = fc.record({
      category: fc.constantFrom(null, "SLOTS", "LIVE"),
      group: text,
      bonusCost: fc.constantFrom(null, true, false),
    });
    fc.assert(
      fc.property(fc.option(settings), settings, (game, slots) => {
        const types = new Map<string, OwnSettings>([["SLOTS", { ...slots, category: null }]]);
        const terms = termsOfGame(game ?? undefined, types);
        const type = game?.category === "SLOTS" ? slots : null;
        expect(terms.category).toBe(game?.category ?? "OTHER");
        expect(terms.group).toBe(game?.group ?? type?.group ?? "");
        expect(terms.bonusCost).toBe(game?.bonusCost ?? type?.bonusCost ?? true);
      }),
    );
  });
});

describe("through the API", () => {
  const FIELDS = "gameSettings { id state code category group bonusCost setBy decidedBy setAt }";
  const SET = `mutation ($input: SetGameSettingsInput!) { setGameSettings(input: $input) { ${FIELDS} } }`;
  const APPROVE = `mutation ($input: ApproveGameSettingsInput!) { approveGameSettings(input: $input) { ${FIELDS} } }`;
  const READ = `query ($partnerId: ID, $state: GameSettingsState! = ACTIVE) {
    gameSettings(partnerId: $partnerId, state: $state) { totalCount edges { node { code category group bonusCost } } }
  }`;

  test("settings are proposed whole by one person, and stand once another approves them", async () => {
    const place = await open();
    const [one, two] = [await seedClient(app, place.shell, null), await seedClient(app, place.shell, null)];
    const ask = async (by: typeof one, query: string, variables: object) => {
      const { data, errors = [] } = await api.ask({ query, variables: { ...variables }, token: await by.token() });
      return { data, codes: errors.map(({ extensions }) => [extensions["code"], extensions["path"]]) };
    };
    const send = (input: object, idempotencyKey: string) => ask(one, SET, { input: { ...input, idempotencyKey } });
    const approve = (by: typeof one, gameSettingsId: string) =>
      ask(by, APPROVE, { input: { gameSettingsId, idempotencyKey: gameSettingsId } });
    const partnerId = place.partner.id;
    const reels = { code: "reels", category: "SLOTS", group: "TOP", bonusCost: null };
    const { id, ...proposed } = (await send({ partnerId, ...reels }, "1")).data.setGameSettings.gameSettings;
    const by = { setBy: one.client.id, decidedBy: null, setAt: null };
    expect(proposed).toEqual({ ...reels, ...by, state: "PENDING_APPROVAL" });
    expect((await ask(two, READ, { partnerId })).data.gameSettings.totalCount).toBe(0);
    const waiting = { totalCount: 1, edges: [{ node: reels }] };
    expect((await ask(two, READ, { partnerId, state: "PENDING_APPROVAL" })).data.gameSettings).toEqual(waiting);
    expect((await approve(one, id)).codes).toEqual([["FORBIDDEN", undefined]]);
    expect((await approve(two, id)).data.approveGameSettings.gameSettings).toMatchObject({
      ...{ state: "ACTIVE", setBy: one.client.id, decidedBy: two.client.id, setAt: expect.any(String) },
    });
    expect((await ask(two, READ, { partnerId })).data.gameSettings).toEqual(waiting);
    expect((await ask(two, READ, {})).data.gameSettings.totalCount).toBe(0); // of game types
    expect((await send({ code: "SLOTS", category: "LIVE" }, "4")).codes).toEqual([["VALIDATION", "/category"]]);
  });

  test("what waits changes no period, the last that is approved stands, and what is refused never does", async () => {
    const place = await open({ overrides: [TOP] });
    const propose = (group: string) =>
      setGameSettings(app, place.shell, { partnerId: place.partner.id, code: "reels", group });
    const [first, second, third] = [await propose("LOW"), await propose(""), await propose("TOP")];
    await report(app, place, [{ kind: "BET", product: "reels", amount: "100.00", occurredAt: DAY_1 }]);
    expect(sharesOf(await settledDay(place))).toEqual([["", "12.00"]]);
    const refusal = { gameSettingsId: third.id, reason: "Not agreed." };
    expect((await refuseGameSettings(app, place.shell, refusal)).state).toBe("REFUSED");
    await approveGameSettings(app, place.shell, second.id);
    for (const { id } of [first, second, third]) {
      const again = approveGameSettings(app, place.shell, id); // proposed before, approved, refused
      await expect(again).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    }
    const acts: { type: string }[] = await app.database.query(
      "select type from act where tenant_no = ? and type like 'GAME_SETTINGS%' order by no",
      [place.tenant.no],
    );
    expect(acts.map(({ type }) => type)).toEqual([
      ...Array.from({ length: 3 }, () => ActType.GAME_SETTINGS_PROPOSED),
      ...[ActType.GAME_SETTINGS_REFUSED, ActType.GAME_SETTINGS_SET],
    ]);
  });

  test("a partner of another tenant is not found, and a partner's own client reads its own games alone", async () => {
    const [place, other] = [await open(), await open()];
    const stranger = await seedClient(app, other.shell, null);
    const input = { partnerId: place.partner.id, code: "reels", idempotencyKey: "1" };
    const refused = await api.ask({ query: SET, variables: { input }, token: await stranger.token() });
    expect(refused.errors?.map(({ extensions }) => extensions["code"])).toEqual(["NOT_FOUND"]);
    const unread = await api.ask({
      query: READ,
      variables: { partnerId: place.partner.id },
      token: await stranger.token(),
    });
    expect(unread.errors?.map(({ extensions }) => extensions["code"])).toEqual(["NOT_FOUND"]);
    await set(place, { code: "SLOTS", group: "TOP" }, true);
    await set(place, { code: "reels", category: "SLOTS" });
    const own = await seedClient(app, place.shell, place.partner.id);
    const { data } = await api.ask({ query: READ, variables: {}, token: await own.token() });
    expect(data).toMatchObject({ gameSettings: { edges: [{ node: { code: "reels", group: null } }] } });
  });
});

import { beforeAll, expect, test, vi } from "vitest";
import { register as registerGames } from "../../src/server/commands/games.js";
import { register as registerRates } from "../../src/server/commands/rates.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { openPlace, type Place } from "./place.js";

const app = await testApp();
const servers = ["--database-url", app.config.databaseUrl, "--redis-url", app.config.redisUrl];
let place: Place;

beforeAll(async () => {
  vi.stubEnv("QUITTANCE_MASTER_KEY", app.config.masterKey.toString("base64url"));
  app.clock.set("2026-03-01T15:00:00.000Z");
  place = await openPlace(app, "2026-03-01T15:00:00.000Z", { currencies: ["EUR", "USD"] });
  return () => vi.unstubAllEnvs();
});

async function run(register: typeof registerGames, line: string): Promise<string> {
  return (await runCommand(register, ...line.split(" "), "--tenant", place.tenant.id, ...servers)).stdout;
}

async function actsLike(type: string): Promise<unknown[]> {
  const acts: { type: string; kind: string }[] = await app.database.query(
    "select type, principal_kind as kind from act where tenant_no = ? and type like ? order by no",
    [place.tenant.no, type],
  );
  return acts.map(({ type: each, kind }) => `${each} ${kind}`);
}

test("`game set` says all that holds for a type or a game, as two acts, and `game list` tells it", async () => {
  const game = `game set reels --partner ${place.partner.id} --category SLOTS --no-group --json`;
  const said = { state: "ACTIVE", code: "reels", category: "SLOTS", group: "", bonusCost: null };
  expect(JSON.parse(await run(registerGames, game))).toEqual({ ...said, id: expect.stringMatching(/^gms_/) });
  expect(await run(registerGames, "game set SLOTS --group TOP --bonus-cost kept")).toMatch(
    /^gms_\w+ {2}ACTIVE +SLOTS: group TOP, bonus cost kept$/,
  );
  expect((await actsLike("GAME_SETTINGS%")).slice(-2)).toEqual([
    ...["GAME_SETTINGS_PROPOSED OPERATOR_SHELL", "GAME_SETTINGS_SET OPERATOR_SHELL"],
  ]);
  await run(registerGames, "game set SLOTS --bonus-cost deducted");
  const types = JSON.parse(await run(registerGames, "game list --json"));
  expect(types).toMatchObject([{ code: "SLOTS", group: null, bonusCost: true }]);
  expect(JSON.parse(await run(registerGames, "game list --state SUPERSEDED --json"))).toHaveLength(1);
  const games = await run(registerGames, `game list --partner ${place.partner.id}`);
  expect(games).toMatch(/reels: type SLOTS, no group$/);
});

test("what is no code, or a type of a type, is refused and sets nothing", async () => {
  await expect(run(registerGames, "game set a/b")).rejects.toThrow(/1 to 64/);
  await expect(run(registerGames, "game set LIVE --category SLOTS")).rejects.toMatchObject({ code: "VALIDATION" });
  const types = JSON.parse(await run(registerGames, "game list --json"));
  expect(types.map(({ code }: { code: string }) => code)).toEqual(["SLOTS"]);
});

test("`rate enter` enters a rate and lets it stand, as two acts, and `rate list` tells it", async () => {
  const pair = "--base USD --quote EUR --type PERIOD_CLOSE --source ECB --as-of 2026-03-01T00:00:00Z";
  const entered = JSON.parse(await run(registerRates, `rate enter ${pair} --rate 0.9217 --json`));
  expect(entered).toMatchObject({ state: "ACTIVE", rate: "0.9217", asOf: "2026-03-01T00:00:00.000Z", isUsed: false });
  expect(await actsLike("EXCHANGE_RATE%")).toEqual([
    ...["EXCHANGE_RATE_ENTERED OPERATOR_SHELL", "EXCHANGE_RATE_APPROVED OPERATOR_SHELL"],
  ]);
  expect(await run(registerRates, "rate list --base USD")).toMatch(/ACTIVE +1 USD = 0.9217 EUR {2}PERIOD_CLOSE of ECB/);
  expect(JSON.parse(await run(registerRates, "rate list --base EUR --json"))).toEqual([]);
  await expect(run(registerRates, `rate enter ${pair} --rate 1/3`)).rejects.toThrow(/positive decimal/);
});

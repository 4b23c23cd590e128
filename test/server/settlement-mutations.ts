import { expect } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { approveCollection, recordCollection } from "../../src/settlement/collections/service.js";
import { setGameSettings } from "../../src/settlement/games/service.js";
import { enterExchangeRate } from "../../src/settlement/rates/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import { RateType } from "../../src/settlement/terms/fx.js";
import { activate, openPlace, type Place, periods, report } from "../settlement/place.js";
import type { TestApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import type { SeededClient } from "../support/seeds.js";
import type { Repeatable } from "./key-mutations.js";

const PAYMENT = { currency: "USD", amount: "1.00", bankReference: "one", valueOn: "2026-03-09" };

const RATE = {
  ...{ base: "KRW", quote: "USD", type: RateType.DAILY_CLOSE, source: "bank", rate: "0.00075" },
  asOf: "2026-03-09T00:00:00.000Z",
};

/** The mutations of collections, of proposals about periods, of games and rates; `now` answers whom they are about. */
export function settlementMutations(
  app: TestApp,
  now: () => { readonly place: Place; readonly manager: SeededClient },
): Record<string, () => Promise<Repeatable>> {
  /** A payment of the partner's that was recorded at the shell. */
  async function recorded(bankReference = "one"): Promise<string> {
    const { partner, shell } = now().place;
    return (await recordCollection(app, shell, { ...PAYMENT, bankReference, partnerId: partner.id })).id;
  }
  /** Settings of a game type that were proposed at the shell. */
  async function settings(): Promise<string> {
    return (await setGameSettings(app, now().place.shell, { code: "SLOTS" })).id;
  }
  /** A rate that was entered at the shell. */
  async function rate(source: string): Promise<string> {
    const { asOf, ...rest } = RATE;
    return (await enterExchangeRate(app, now().place.shell, { ...rest, source, asOf: new Date(asOf) })).id;
  }
  return {
    enterExchangeRate: async () => {
      const other = { ...RATE, rate: "0.00076" };
      return { from: now().manager, input: RATE, other, act: ActType.EXCHANGE_RATE_ENTERED, noun: "exchangeRate" };
    },
    approveExchangeRate: async () => {
      const [input, other] = [{ exchangeRateId: await rate("one") }, { exchangeRateId: await rate("two") }];
      return { from: now().manager, input, other, act: ActType.EXCHANGE_RATE_APPROVED, noun: "exchangeRate" };
    },
    refuseExchangeRate: async () => {
      const input = { exchangeRateId: await rate("one"), reason: "wrong" };
      const other = { ...input, reason: "later" };
      return { from: now().manager, input, other, act: ActType.EXCHANGE_RATE_REFUSED, noun: "exchangeRate" };
    },
    recordCollection: async () => {
      const input = { ...PAYMENT, partnerId: now().place.partner.id };
      const other = { ...input, amount: "2.00" };
      return { from: now().manager, input, other, act: ActType.COLLECTION_RECORDED, noun: "collection" };
    },
    approveCollection: async () => {
      const [collectionId, another] = [await recorded("one"), await recorded("two")];
      const [input, other] = [{ collectionId }, { collectionId: another }];
      return { from: now().manager, input, other, act: ActType.COLLECTION_APPROVED, noun: "collection" };
    },
    refuseCollection: async () => {
      const input = { collectionId: await recorded(), reason: "unknown" };
      const other = { ...input, reason: "wrong" };
      return { from: now().manager, input, other, act: ActType.COLLECTION_REFUSED, noun: "collection" };
    },
    markCollectionReturned: async () => {
      const input = { collectionId: await recorded(), reason: "AC04" };
      await approveCollection(app, now().place.shell, input.collectionId);
      const other = { ...input, amount: "0.50" };
      return { from: now().manager, input, other, act: ActType.COLLECTION_RETURNED, noun: "collection" };
    },
    abortPeriod: async () => {
      const [, next] = await periods(app, now().place);
      const input = { periodId: next?.id, reason: "The contract ended." };
      const act = ActType.PERIOD_ABORT_PROPOSED;
      return { from: now().manager, input, other: { ...input, reason: "A mistake." }, act, noun: "period" };
    },
    retermPeriod: async () => {
      const fx = { to: "USD", type: "PERIOD_CLOSE", source: "nobody" };
      const { base: _, ...daily } = example("config-daily-12pct");
      const plain = { ...daily, base: { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" } };
      const start = "2026-03-01T15:00:00.000Z";
      const stuck = await openPlace(app, start, {
        home: now().place.home,
        document: { ...plain, fx },
        currencies: ["USD", "EUR"],
      });
      await report(app, stuck, [{ kind: "BET", amount: "1.00", currency: "EUR", occurredAt: start }]);
      const closing = settle(app, now().place.shell, {
        partnerId: stuck.partner.id,
        through: new Date("2026-03-02T15:00:00.000Z"),
      });
      await expect(closing).rejects.toMatchObject({ code: "RATE_MISSING" });
      const { id: configurationId } = await activate(app, stuck, plain, "2026-03-20T15:00:00.000Z");
      const input = { periodId: (await periods(app, stuck))[0]?.id, configurationId, reason: "gone" };
      const act = ActType.PERIOD_TERMS_PROPOSED;
      return { from: now().manager, input, other: { ...input, reason: "lost" }, act, noun: "period" };
    },
    setGameSettings: async () => {
      const input = { partnerId: now().place.partner.id, code: "crash", category: "SLOTS" };
      const other = { ...input, category: "LIVE" };
      return { from: now().manager, input, other, act: ActType.GAME_SETTINGS_PROPOSED, noun: "gameSettings" };
    },
    approveGameSettings: async () => {
      const [input, other] = [{ gameSettingsId: await settings() }, { gameSettingsId: await settings() }];
      return { from: now().manager, input, other, act: ActType.GAME_SETTINGS_SET, noun: "gameSettings" };
    },
    refuseGameSettings: async () => {
      const input = { gameSettingsId: await settings(), reason: "wrong" };
      const other = { ...input, reason: "later" };
      return { from: now().manager, input, other, act: ActType.GAME_SETTINGS_REFUSED, noun: "gameSettings" };
    },
  };
}

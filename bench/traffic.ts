import { instantText, later, systemClock } from "../src/kernel/clock.js";
import { decimalText, scaleOf } from "../src/kernel/money.js";
import { Random } from "../src/server/demo/random.js";

const CURRENCY = "USD";
const DAY_MS = 86_400_000;
const PLAYERS = 5_000;
const STAKE_MINOR_MAX = 20_000;
const WIN_CHANCE = 0.45;
const ROLLBACK_CHANCE = 0.005;
const PRODUCTS = ["crash", "slots", "roulette", "dice"];
const BRANDS = ["main", "vip"];

/**
 * So many transactions as JSON texts, as a game provider sends them: stakes and wins of rounds of the last day, some
 * rolled back. Ids begin with the name, so that each name's are new; everything else is drawn from it too.
 */
export function transactionTexts(name: string, count: number): string[] {
  const random = Random.of("bench", name);
  const now = systemClock.now();
  const items: Readonly<Record<string, string>>[] = [];
  for (let round = 0; items.length < count; round++) {
    const shared = {
      product: oneOf(random, PRODUCTS),
      currency: CURRENCY,
      occurredAt: instantText(later(now, -Math.floor(random.between(1, DAY_MS)))),
    };
    const game = {
      ...{ ...shared, brand: oneOf(random, BRANDS), round: `${name}-${round}` },
      player: `player-${Math.floor(random.between(0, PLAYERS))}`,
    };
    const amount = amountText(random);
    const bet = `${name}-${round}-B`;
    items.push({ id: bet, kind: "BET", amount, ...game });
    if (random.chance(WIN_CHANCE)) {
      items.push({ id: `${name}-${round}-W`, kind: "WIN", amount: amountText(random), ...game });
    } else if (random.chance(ROLLBACK_CHANCE)) {
      items.push({ id: `${name}-${round}-R`, kind: "ROLLBACK", reverses: bet, amount, ...shared });
    }
  }
  return items.slice(0, count).map((item) => JSON.stringify(item));
}

function oneOf(random: Random, texts: readonly string[]): string {
  return texts[Math.floor(random.between(0, texts.length))] ?? "";
}

function amountText(random: Random): string {
  return decimalText(BigInt(Math.floor(random.between(1, STAKE_MINOR_MAX))), scaleOf(CURRENCY));
}

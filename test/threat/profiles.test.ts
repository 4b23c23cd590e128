import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { figuresOf } from "../../src/exchange/figures/rules.js";
import { ThreatFact, ThreatSubject, ThreatVerdict } from "../../src/threat/entities.js";
import { PartnerProfile, type SeenBatch } from "../../src/threat/profiles/rules.js";
import { DEFAULT_RULES, judge } from "../../src/threat/rules.js";

const START = Date.parse("2026-03-01T00:00:00.000Z");
const MINUTE_MS = 60_000;
const { history } = DEFAULT_RULES;

/** A batch of so many bets at a minute of a partner's life. */
function seen(
  minute: number,
  over: { items?: number; size?: string; network?: string; keySince?: number } = {},
): SeenBatch {
  const { items = 100, size = "10.00", network = "home", keySince = START } = over;
  const bets = Array.from({ length: items }, () => ({ kind: "BET", currency: "USD", amount: size }));
  return { at: new Date(START + minute * MINUTE_MS), figures: figuresOf(bets), network, keySince: new Date(keySince) };
}

/** A month of a partner that sends every ten minutes from nine to five. */
function settled(): PartnerProfile {
  const profile = new PartnerProfile();
  for (let day = 0; day < 30; day++) {
    for (let minute = 9 * 60; minute < 17 * 60; minute += 10) {
      profile.learn(seen(day * 1_440 + minute, { items: 80 + ((minute + day) % 50) }));
    }
  }
  return profile;
}

const NOON = 30 * 1_440 + 12 * 60 + 5;
const NIGHT = 31 * 1_440 + 3 * 60;

describe("what is usual for a partner", () => {
  test("a partner without a past has nothing unusual about it, whatever it sends", () => {
    const amounts = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 190 });
    fc.assert(
      fc.property(amounts, (sizes) => {
        const profile = new PartnerProfile();
        for (const [minute, size] of sizes.entries()) {
          const batch = seen(minute * 1_440, { size: `${size}.00`, items: 1, network: `${size}` });
          expect([...profile.facts(batch, history)]).toEqual([]);
          profile.learn(batch);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("the same as ever is no fact, and neither is a tenfold burst", () => {
    const profile = settled();
    expect(judged(profile, seen(NOON)).score).toBe(0);
    expect(judged(profile, seen(NOON, { items: 1_000 })).score).toBe(0);
    expect(judged(profile, seen(NOON, { size: "100.00" })).score).toBe(0);
  });

  test("each of the unusual things is a fact of its own, and all of them together are a quarantine", () => {
    const profile = settled();
    const facts = (batch: SeenBatch) => profile.facts(batch, history);
    expect(facts(seen(NOON, { network: "elsewhere" })).get(ThreatFact.NEW_ADDRESS)).toBeGreaterThan(0.9);
    expect(facts(seen(NOON)).get(ThreatFact.NEW_ADDRESS)).toBe(0);
    expect(facts(seen(NIGHT)).get(ThreatFact.HOUR)).toBe(1);
    expect(facts(seen(NOON)).get(ThreatFact.HOUR)).toBe(0);
    expect(facts(seen(NOON, { keySince: START + (NOON - 60) * MINUTE_MS })).get(ThreatFact.NEW_KEY)).toBe(1);
    expect(facts(seen(NOON, { size: "100000.00" })).get(ThreatFact.AMOUNT)).toBeGreaterThan(9);
    expect(facts(seen(NOON, { items: 10_000 })).get(ThreatFact.VOLUME)).toBeGreaterThan(5);
    const stolen = seen(NIGHT, { items: 10_000, size: "100000.00", network: "elsewhere" });
    expect(judged(profile, stolen).verdict).toBe(ThreatVerdict.QUARANTINE);
  });

  test("many batches of one minute count together", () => {
    const profile = settled();
    for (let each = 0; each < 200; each++) profile.learn(seen(NOON));
    expect(profile.facts(seen(NOON), history).get(ThreatFact.VOLUME)).toBeGreaterThan(5);
  });

  test("survives being stored, and is small", () => {
    const profile = settled();
    for (let each = 0; each < 500; each++) profile.learn(seen(NOON, { network: `n${each}` }));
    const text = JSON.stringify(profile.stored());
    expect(text.length).toBeLessThan(4_000);
    const again = new PartnerProfile(JSON.parse(text));
    expect(again.facts(seen(NIGHT), history)).toEqual(profile.facts(seen(NIGHT), history));
  });
});

describe("figures of a batch", () => {
  test("players who win ten times what they bet are a fact once there are bets enough", () => {
    const played = (bets: number) => [
      ...Array.from({ length: bets }, () => ({ kind: "BET", currency: "USD", amount: "1.00" })),
      { kind: "WIN", currency: "USD", amount: `${bets * 10}.00` },
    ];
    const rtp = (bets: number) => {
      const figures = figuresOf(played(bets));
      return new PartnerProfile().facts({ ...seen(0), figures }, history).get(ThreatFact.RTP_HIGH);
    };
    expect([rtp(199), rtp(200)]).toEqual([undefined, 10]);
  });

  test("whatever is no transaction counts as an item and for nothing else", () => {
    fc.assert(
      fc.property(fc.array(fc.anything()), (items) => {
        const { items: count, bets, betSum, winSum, largest } = figuresOf(items);
        expect(count).toBe(items.length);
        expect([bets, betSum, winSum].every((each) => each >= 0 && Number.isFinite(each))).toBe(true);
        expect(largest.every(([, each]) => each > 0 && Number.isFinite(each))).toBe(true);
      }),
    );
    expect(figuresOf([{ kind: "BET", currency: "USD", amount: "1e400" }]).bets).toBe(0);
  });

  test("no more than twenty currencies are kept", () => {
    const items = Array.from({ length: 100 }, (_, each) => ({ kind: "BET", currency: `C${each}`, amount: "1" }));
    expect(figuresOf(items).largest).toHaveLength(20);
  });
});

function judged(profile: PartnerProfile, batch: SeenBatch) {
  return judge(DEFAULT_RULES, ThreatSubject.BATCH, profile.facts(batch, history), 100);
}

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BatchState } from "../../src/exchange/entities.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { holdCursor } from "../../src/periods/cursors/service.js";
import { transact } from "../../src/platform/database.js";
import { blockPosting, preparePlace, submitBlockable, untilBlocked } from "../faults/blocked.js";
import { testApp } from "../support/app.js";
import { balances, bet, type Exchange, openExchange, submit } from "../support/batches.js";
import { SqlFaults } from "../support/sql-faults.js";

const PARTNERS = 6;
const ROUNDS_MAX = 20;

/** Counts the transactions that take up a partner's cursor, and the looks for what waits. */
class Postings extends SqlFaults {
  readonly cursors: number[] = [];
  looks = 0;

  override logQuery(query: string): void {
    if (/from batch\s+where state = 'ACCEPTED' .* limit/.test(query)) this.looks += 1;
    const cursors = query.match(/from posting_cursor .*? for update skip locked/g)?.length ?? 0;
    if (cursors > 0) this.cursors.push(cursors);
    super.logQuery(query);
  }
}

const postings = new Postings();
const app = await testApp({ sqlLogger: postings });
let places: Exchange[];

beforeEach(async () => {
  const first = await openExchange(app);
  places = [first];
  while (places.length < PARTNERS) places.push(await openExchange(app, { home: first.home }));
  await submitAll();
  [postings.cursors.length, postings.looks] = [0, 0];
});

afterEach(() => {
  vi.useRealTimers();
});

test("partners that post at the same time share looks and a transaction, and each has what is its own", async () => {
  // Who shares with whom is for the moment to decide; in some round somebody does.
  let rounds = 0;
  do {
    if (rounds > 0) await submitAll();
    expect(await postAll()).toEqual(places.map(() => ({ batches: 1, items: 2, isDrained: true })));
    rounds += 1;
    expect(postings.cursors.reduce((sum, cursors) => sum + cursors, 0)).toBe(rounds * PARTNERS);
    for (const place of places) {
      expect(await balances(app, place)).toEqual({ CLEARING: 200n * BigInt(rounds), STAKES: -200n * BigInt(rounds) });
    }
  } while (rounds < ROUNDS_MAX && !(postings.looks < rounds * PARTNERS && postings.cursors.length < rounds * PARTNERS));
  expect(postings.looks).toBeLessThan(rounds * PARTNERS);
  expect(postings.cursors.length).toBeLessThan(rounds * PARTNERS);
});

test("a batch that cannot be posted is parked alone, and none of the others is even suspected", async () => {
  const [poison = never()] = places.slice(3);
  await app.database.query("update batch set payload_sha256 = repeat('x', 32) where tenant_no = ? and partner_no = ?", [
    poison.tenant.no,
    poison.partner.no,
  ]);
  await postAll();
  const states = await statesOf();
  expect(states.map(({ state }) => state)).toEqual(
    places.map((place) => (place === poison ? BatchState.PARKED : BatchState.POSTED)),
  );
  expect(states.filter(({ state }) => state === BatchState.POSTED).every(({ tries }) => tries === 0)).toBe(true);
});

test("what the database refuses one of them the others do not pay for", async () => {
  postings.fail("insert into transaction", { errno: 1264, sqlState: "22003" });
  expect(await postAll()).toEqual(places.map(() => ({ batches: 1, items: 2, isDrained: true })));
  for (const place of places) expect(await balances(app, place)).toEqual({ CLEARING: 200n, STAKES: -200n });
});

test("a partner whom another worker holds is left out, and the others are posted", async () => {
  const [held = never()] = places.slice(2);
  await transact(app, async (tx) => {
    await holdCursor(tx, held.partner);
    const runs = await postAll();
    expect(runs.map(({ batches }) => batches)).toEqual(places.map((place) => (place === held ? 0 : 1)));
  });
  expect(await postBatches(app, held.partner)).toEqual({ batches: 1, items: 2, isDrained: true });
});

test("a partner whose posting waits for a row holds up none of those who come after it", async () => {
  const [stuck = never(), ...others] = places;
  await preparePlace(app, stuck);
  await submitBlockable(app, stuck);
  let posting = null as Promise<unknown> | null;
  await blockPosting(app, stuck, async () => {
    let isOver = false;
    posting = postBatches(app, stuck.partner).finally(() => {
      isOver = true;
    });
    await untilBlocked(app);
    const runs = await Promise.all(others.map((place) => postBatches(app, place.partner)));
    expect([runs.map(({ batches }) => batches), isOver]).toEqual([others.map(() => 1), false]);
  });
  expect(await posting).toEqual({ batches: 1, items: 1, isDrained: true });
});

test("while one round is written the next one is read", async () => {
  const [written = never(), next = never()] = places;
  await preparePlace(app, written);
  await submitBlockable(app, written);
  let posting = null as Promise<unknown> | null;
  await blockPosting(app, written, async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] }); // no round runs out of patience
    posting = postBatches(app, written.partner);
    await untilBlocked(app);
    expect(await postBatches(app, next.partner)).toEqual({ batches: 1, items: 2, isDrained: true });
    vi.useRealTimers();
  });
  expect(await posting).toEqual({ batches: 1, items: 1, isDrained: true });
});

test("one partner that is asked for twice at the same time is posted once", async () => {
  const [place = never()] = places;
  const runs = await Promise.all(
    [place, place, ...places.slice(1), place].map((each) => postBatches(app, each.partner)),
  );
  expect(runs.reduce((sum, { batches }) => sum + batches, 0)).toBe(PARTNERS);
  expect(await balances(app, place)).toEqual({ CLEARING: 200n, STAKES: -200n });
});

test("what waits since before this process began is posted in a transaction of its own", async () => {
  app.clock.advance(60_000);
  await postAll();
  expect(postings.cursors).toEqual(places.map(() => 1));
});

async function submitAll(): Promise<void> {
  for (const place of places) await submit(app, place, { transactions: [bet(), bet()] });
}

function postAll() {
  return Promise.all(places.map(({ partner }) => postBatches(app, partner)));
}

async function statesOf(): Promise<{ state: BatchState; tries: number }[]> {
  return app.database.query("select state, tries from batch where tenant_no = ? order by partner_no", [
    places[0]?.tenant.no,
  ]);
}

function never(): never {
  throw new Error("there is one");
}

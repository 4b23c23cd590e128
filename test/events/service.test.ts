import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { recordActs } from "../../src/acts/service.js";
import { closeFeeds, feedsOf } from "../../src/events/feeds/service.js";
import { numberActsForAllTenants } from "../../src/events/relay/service.js";
import { lastSequence, type PartnerStream, streamKey } from "../../src/events/streams/service.js";
import { type EventStream, follow, subscribe } from "../../src/events/subscriptions/service.js";
import { present } from "../../src/kernel/assert.js";
import { type Tx, transact } from "../../src/platform/database.js";
import { Fenced, type HeldLease, releaseLease, tryLease } from "../../src/platform/lease.js";
import { testApp } from "../support/app.js";
import { loseRedis } from "../support/redis.js";
import { type SeededPartner, type SeededTenant, seedPartner, seedTenant } from "../support/seeds.js";

const app = await testApp();
const other = await testApp({ clock: app.clock, config: { redisPrefix: app.config.redisPrefix } });
const cutOff = await testApp({ clock: app.clock, config: { redisUrl: "redis://127.0.0.1:1" } });

let home: SeededTenant;
let place: SeededPartner;
let stream: PartnerStream;
let lease: HeldLease;
/** Sequence of the last act of the partner before the test's own. */
let start: number;

beforeEach(async () => {
  home = await seedTenant(app);
  place = await seedPartner(app, home);
  stream = { tenantNo: place.partner.tenantNo, partnerNo: place.partner.no };
  lease = present(await tryLease(app, "relay"), "the lease");
  await number();
  start = await lastSequence(app.database.manager, stream);
});

afterAll(() => {
  closeFeeds(app);
  closeFeeds(cutOff);
});

/** Records acts of the partner, named by a counter, in a transaction of their own or in one given. */
async function record(
  names: readonly string[],
  { tx, partner = place.partner }: { tx?: Tx; partner?: { id: string; no: number } | null } = {},
) {
  const acts = names.map((subjectId) => ({
    type: ActType.BATCH_POSTED,
    subjectId,
    partner,
    before: {},
    after: { name: subjectId },
  }));
  const write = (inside: Tx) => recordActs(inside, home.actor, app.clock.now(), acts);
  return tx === undefined ? transact(app, write) : write(tx);
}

async function number(by = app, held = lease): Promise<number> {
  return numberActsForAllTenants(by, held);
}

interface Numbers {
  readonly name: string;
  readonly tree: number;
  readonly sequence: number | null;
}

async function numbersOf(names: readonly string[]): Promise<Numbers[]> {
  const rows: { name: string; tree: string; sequence: string | null }[] = await app.database.query(
    `select subject_id as name, tree_index as tree, partner_sequence as sequence from act
     where tenant_no = ? and subject_id in (?) order by no`,
    [stream.tenantNo, names],
  );
  return rows.map(({ name, tree, sequence }) => ({
    name,
    tree: Number(tree),
    sequence: sequence === null ? null : Number(sequence),
  }));
}

/** Takes so many events, and stops listening. */
async function take(events: EventStream, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) {
    const { value, done } = await events.next();
    if (done === true) break;
    taken.push(`${value.sequence} ${String(value.after["name"])}`);
  }
  await events.return?.();
  return taken;
}

function listen(afterSequence: number | null, types = [ActType.BATCH_POSTED], until: Date | null = null): EventStream {
  return subscribe(app, { stream, afterSequence, types: new Set(types), until });
}

/** What a listener from the start must get: every name with its sequence. */
function named(names: readonly string[], from = start): string[] {
  return names.map((name, index) => `${from + index + 1} ${name}`);
}

describe("numbering", () => {
  test("is contiguous per tenant and per partner, in the order of recording", async () => {
    const neighbour = await seedPartner(app, home);
    await number();
    const treeSize = (await numbersOf(await lastNames())).at(-1)?.tree ?? -1;
    await record(["a", "b"]);
    await record(["n"], { partner: neighbour.partner });
    await record(["t"], { partner: null });
    await record(["c"]);
    expect(await number()).toBe(5);
    const [a, b, n, t, c] = await numbersOf(["a", "b", "n", "t", "c"]);
    expect([a, b, n, t, c].map((act) => act?.tree)).toEqual([1, 2, 3, 4, 5].map((each) => treeSize + each));
    expect([a, b, c].map((act) => act?.sequence)).toEqual([start + 1, start + 2, start + 3]);
    expect(t?.sequence).toBeNull();
    expect(await number()).toBe(0);
  });

  test("gives what commits late a later number, and leaves no gap for it", async () => {
    await transact(app, async (tx) => {
      await record(["slow"], { tx }); // has the lower id
      await record(["quick"]);
      await number();
    });
    await number();
    const [slow, quick] = await numbersOf(["slow", "quick"]);
    expect([quick?.sequence, slow?.sequence]).toEqual([start + 1, start + 2]);
    expect((slow?.tree ?? 0) - (quick?.tree ?? 0)).toBe(1);
  });

  test("gives nothing to what was rolled back", async () => {
    const work = transact(app, async (tx) => {
      await record(["never"], { tx });
      throw new Error("changed its mind");
    });
    await expect(work).rejects.toThrow("changed its mind");
    await record(["a"]);
    await number();
    expect(await numbersOf(["never", "a"])).toMatchObject([{ name: "a", sequence: start + 1 }]);
  });

  test("is the leader's alone: another cannot lead, and one who was replaced writes nothing", async () => {
    expect(await tryLease(other, "relay")).toBeNull();
    await app.database.query("update lease set expires_at = now(3) where name = 'relay'"); // frozen for too long
    const next = present(await tryLease(other, "relay"), "the lease of the next leader");
    expect(next.token).toBe(lease.token + 1n);
    await record(["a"]);
    await expect(number()).rejects.toThrow(Fenced);
    expect(await numbersOf(["a"])).toMatchObject([{ sequence: null }]);
    expect(await number(other, next)).toBe(1);
    await releaseLease(other, next);
  });

  test("by leaders at once, who both hold a token, still counts every act once", async () => {
    await record(Array.from({ length: 40 }, (_, index) => `x${index}`));
    const counts = await Promise.all([number(), number(other), number(), number(other)]);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(40);
    const sequences = (await numbersOf(Array.from({ length: 40 }, (_, index) => `x${index}`))).map(
      ({ sequence }) => sequence,
    );
    expect(sequences).toEqual(Array.from({ length: 40 }, (_, index) => start + index + 1));
  });

  test("goes on without Redis, and a stream that has the entry already refuses it", async () => {
    await record(["a"]);
    await number(cutOff);
    await record(["b", "c"]);
    await app.redis.xadd(
      streamKey(app, stream),
      `${start + 2}-0`,
      "event",
      '{"after":{"name":"b"},"type":"BATCH_POSTED"}',
    );
    await number();
    const entries = await app.redis.xrange(streamKey(app, stream), `${start + 1}-0`, "+");
    expect(entries.map(([id]) => id)).toEqual([`${start + 2}-0`, `${start + 3}-0`]);
    expect(await take(listen(start), 3)).toEqual(named(["a", "b", "c"]));
  });
});

describe("a subscription", () => {
  test("begins with what comes next, and goes on live", async () => {
    await record(["before"]);
    await number();
    const events = listen(null);
    const taking = take(events, 3);
    await expect.poll(() => feedsOf(app).size).toBeGreaterThan(0);
    await sleep(50);
    for (const name of ["a", "b", "c"]) {
      await record([name]);
      await number();
    }
    expect(await taking).toEqual(named(["a", "b", "c"], start + 1));
  });

  test("resumes from any sequence without a gap or a duplicate, while Redis loses everything", async () => {
    const names = Array.from({ length: 60 }, (_, index) => `e${index}`);
    const early = Array.from({ length: 20 }, (_, after) => take(listen(start + after), names.length - after));
    for (let each = 0; each < names.length; each++) {
      await record([names[each] ?? ""]);
      await number();
      if (each % 17 === 5) await loseRedis(app);
    }
    const late = Array.from({ length: 60 }, (_, after) => take(listen(start + after), names.length - after));
    const all = named(names);
    for (const [after, taken] of (await Promise.all(early)).entries()) expect(taken).toEqual(all.slice(after));
    for (const [after, taken] of (await Promise.all(late)).entries()) expect(taken).toEqual(all.slice(after));
  });

  test("finds in the database what its stream lost in the middle", async () => {
    const names = ["a", "b", "c", "d"];
    const taking = take(listen(start), names.length + 1);
    await record(names);
    await number();
    await app.redis.xdel(streamKey(app, stream), `${start + 2}-0`, `${start + 3}-0`);
    await record(["e"]);
    await number();
    expect(await taking).toEqual(named([...names, "e"]));
  });

  test("has the types that were asked for, with their own sequences", async () => {
    const taking = take(listen(start, [ActType.BATCH_PARKED]), 1);
    await record(["a", "b"]);
    const act = {
      type: ActType.BATCH_PARKED,
      subjectId: "p",
      partner: place.partner,
      before: {},
      after: { name: "p", reason: "r" },
    };
    await transact(app, (tx) => recordActs(tx, home.actor, app.clock.now(), [act]));
    await number();
    expect(await taking).toEqual([`${start + 3} p`]);
  });

  test("has no other partner's events", async () => {
    const neighbour = await seedPartner(app, home);
    const taking = take(listen(start), 1);
    await record(["theirs"], { partner: neighbour.partner });
    await record(["ours"]);
    await number();
    expect(await taking).toEqual(named(["ours"]));
  });

  test("lets go of its stream when it ends: while it waits, and between two events", async () => {
    const waiting = listen(start);
    const next = waiting.next();
    await expect.poll(() => feedsOf(app).size).toBe(1);
    await waiting.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
    await record(["a", "b"]);
    await number();
    const paused = listen(start);
    expect((await paused.next()).value).toMatchObject({ sequence: start + 1 });
    await paused.return?.();
    expect(feedsOf(app).size).toBe(0);
    expect(await paused.next()).toEqual({ done: true, value: undefined });
  });

  test("ends when its process stops listening", async () => {
    const events = subscribe(other, {
      stream,
      afterSequence: start,
      types: new Set([ActType.BATCH_POSTED]),
      until: null,
    });
    const next = events.next();
    await expect.poll(() => feedsOf(other).size).toBe(1);
    closeFeeds(other);
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test("goes on without Redis, from the database", async () => {
    const events = subscribe(cutOff, {
      stream,
      afterSequence: start,
      types: new Set([ActType.BATCH_POSTED]),
      until: null,
    });
    const taking = take(events, 2);
    await record(["a"]);
    await number(cutOff);
    await record(["b"]);
    await number(cutOff);
    expect(await taking).toEqual(named(["a", "b"]));
  });

  test("ends with its token", async () => {
    const events = listen(start, [ActType.BATCH_POSTED], new Date(app.clock.now().getTime() + 30));
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(feedsOf(app).size).toBe(0);
  });

  test("has not ended before the clock says so, whatever its timer thought", async () => {
    const until = new Date(app.clock.now().getTime() + 300);
    const ended = listen(null, [], until).next();
    await sleep(100); // its timer runs
    app.clock.advance(-100);
    expect(await ended).toEqual({ done: true, value: undefined });
    expect(app.clock.now().getTime()).toBeGreaterThanOrEqual(until.getTime());
  });

  test("is refused for a partner that the caller may not see, and after a sequence that there is not yet", async () => {
    const neighbour = await seedPartner(app, home);
    const types = [ActType.BATCH_POSTED];
    const theirs = follow(app, place.actor, { partnerId: neighbour.partner.id }, types);
    await expect(theirs).rejects.toMatchObject({ code: "NOT_FOUND" });
    const early = follow(app, place.actor, { afterSequence: start + 1 }, types);
    await expect(early).rejects.toMatchObject({ code: "VALIDATION", details: { path: "/afterSequence" } });
    await expect(follow(app, home.actor, {}, types)).rejects.toMatchObject({ code: "VALIDATION" });
    await expect(follow(app, place.actor, { afterSequence: start }, types)).resolves.toBeDefined();
  });
});

/** Subjects of the tenant's acts so far. */
async function lastNames(): Promise<string[]> {
  const rows: { name: string }[] = await app.database.query("select subject_id as name from act where tenant_no = ?", [
    stream.tenantNo,
  ]);
  return rows.map(({ name }) => name);
}

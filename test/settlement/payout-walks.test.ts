import fc from "fast-check";
import { expect, test } from "vitest";
import { newId } from "../../src/kernel/ids.js";
import { decimalText } from "../../src/kernel/money.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { PeriodState } from "../../src/periods/entities.js";
import { Collection, CollectionState } from "../../src/settlement/collections/entities.js";
import {
  approveCollection,
  markCollectionReturned,
  type NewCollection,
  recordCollection,
} from "../../src/settlement/collections/service.js";
import { Statement } from "../../src/settlement/entities.js";
import { createPayoutFile, voidPayoutFile } from "../../src/settlement/payout-files/service.js";
import { Payout, PayoutState } from "../../src/settlement/payouts/entities.js";
import { markPayoutPaid, markPayoutRefused, markPayoutReturned } from "../../src/settlement/payouts/service.js";
import { testApp } from "../support/app.js";
import { booksOf, EUROS, openPaid, released } from "./payout-place.js";
import type { Place } from "./place.js";

const app = await testApp();

/** A partner that is paid, and the naive sum of what is owed to it, in cents. */
interface Walk {
  readonly place: Place;
  owed: bigint;
  /** What the partner paid and is not back: that much may be owed in the end without being exported. */
  collected: bigint;
  days: number;
}

const ZERO = { owed: 0n, collected: 0n, days: 0 };

type Step = (walk: Walk, size: number) => Promise<void>;

const steps: Record<string, Step> = {
  earn: (walk, size) => settled(walk, BigInt(1 + size)),
  owe: (walk, size) => settled(walk, BigInt(-1 - size)),
  collect: async (walk, size) => {
    const { id } = await recordCollection(app, walk.place.shell, paymentOf(walk, BigInt(1 + size)));
    await approveCollection(app, walk.place.shell, id);
    walk.owed += BigInt(1 + size);
    walk.collected += BigInt(1 + size);
  },
  bounce: async (walk) => {
    const where = { tenantId: walk.place.tenant.id, state: CollectionState.COLLECTED };
    const [collection] = await app.database.manager.find(Collection, { where, order: { id: "ASC" } });
    if (collection === undefined) return;
    const bounced = { collectionId: collection.id, amount: null, reason: "AC04" };
    await markCollectionReturned(app, walk.place.shell, bounced);
    walk.owed -= collection.amountMinor;
    walk.collected -= collection.amountMinor;
  },
  export: exportAll,
  pay: async (walk) => {
    for (const payout of await payoutsOf(walk, PayoutState.EXPORTED)) {
      await markPayoutPaid(app, walk.place.shell, { payoutId: payout.id, amount: null, note: null });
      walk.owed -= payout.amountMinor;
    }
  },
  payPart: async (walk) => {
    const [payout] = await payoutsOf(walk, PayoutState.EXPORTED);
    if (payout === undefined) return;
    await markPayoutPaid(app, walk.place.shell, { payoutId: payout.id, amount: "0.01", note: null });
    walk.owed -= 1n;
  },
  refuse: async (walk) => {
    const [payout] = await payoutsOf(walk, PayoutState.EXPORTED);
    if (payout !== undefined) await markPayoutRefused(app, walk.place.shell, { payoutId: payout.id, note: null });
  },
  giveBack: async (walk) => {
    const [payout] = await payoutsOf(walk, PayoutState.PAID);
    if (payout === undefined) return;
    await markPayoutReturned(app, walk.place.shell, { payoutId: payout.id, amount: null, note: null });
    walk.owed += payout.amountMinor;
  },
  refuseFile: async (walk) => {
    const [payout] = await payoutsOf(walk, PayoutState.EXPORTED);
    if (payout === undefined) return;
    const voiding = { payoutFileId: payout.fileId, reason: "RJCT" };
    await voidPayoutFile(app, walk.place.shell, voiding).catch(expectRefused);
  },
};

test("whatever banks do, never more is exported than is owed, and the books are earned less paid", async () => {
  const anyStep = fc.record({ name: fc.constantFrom(...Object.keys(steps)), size: fc.nat(5_000) });
  const payout = fc.constantFrom(
    {},
    { splits: ["a", "b", "c"].map((to) => ({ to, weight: to === "b" ? "0.5" : "0.25" })) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 6, maxLength: 14 }), payout, async (walked, splits) => {
      const contract = { payout: { minimum: "0", negative: "COLLECT", ...splits }, payees: ["", "a", "b", "c"] };
      const walk: Walk = { place: await openPaid(app, "2026-03-01T15:00:00.000Z", contract), ...ZERO };
      for (const { name, size } of [{ name: "earn", size: 100 }, ...walked]) {
        await steps[name]?.(walk, size);
        expect(await booksOf(app, walk.place)).toMatchObject({ PAYABLE: -walk.owed, POSITION: 0n });
      }
      for (const name of ["export", "pay", "export"]) await steps[name]?.(walk, 0);
      expect(walk.owed).toBeLessThanOrEqual(walk.collected);
      const { id: tenantId, no: tenantNo } = walk.place.tenant;
      const waiting = await app.database.manager.findBy(Statement, { tenantNo, state: PeriodState.PAYABLE });
      expect(waiting.filter(({ paidOutMinor }) => paidOutMinor > 0n || walk.owed >= 0n)).toEqual([]);
      expect((await fsck(app, { tenantId })).differences).toEqual([]);
    }),
    { numRuns: 4 },
  );
});

async function settled(walk: Walk, minor: bigint): Promise<void> {
  walk.days += 1;
  const day = `2026-03-${String(walk.days + 1).padStart(2, "0")}`;
  await released(app, walk.place, day, decimalText(minor, 2));
  walk.owed += minor;
}

function paymentOf({ place: { partner } }: Walk, minor: bigint): NewCollection {
  const [currency, bankReference] = ["EUR", newId("col", app.clock)];
  return { partnerId: partner.id, currency, amount: decimalText(minor, 2), bankReference, valueOn: "2026-03-02" };
}

async function exportAll(walk: Walk): Promise<void> {
  const onItsWay = sumOf(await payoutsOf(walk, PayoutState.EXPORTED));
  const file = await createPayoutFile(app, walk.place.shell, EUROS).catch(expectRefused);
  const [total, free] = [file?.totalMinor ?? 0n, walk.owed - onItsWay];
  expect(total).toBeLessThanOrEqual(free > 0n ? free : 0n);
  expect(total).toBeGreaterThanOrEqual(free - walk.collected);
}

/** Refusals are answers here; anything else is a fault. */
function expectRefused(error: unknown): null {
  expect(error).toMatchObject({ code: expect.stringMatching(/^(VALIDATION|VERSION_CONFLICT)$/) });
  return null;
}

function payoutsOf({ place }: Walk, state: PayoutState): Promise<Payout[]> {
  return app.database.manager.find(Payout, { where: { tenantId: place.tenant.id, state }, order: { id: "ASC" } });
}

function sumOf(payouts: readonly Payout[]): bigint {
  return payouts.reduce((total, { amountMinor }) => total + amountMinor, 0n);
}

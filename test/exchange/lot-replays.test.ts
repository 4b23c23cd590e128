import fc from "fast-check";
import { expect, test } from "vitest";
import { CreditMoveKind } from "../../src/exchange/credit/entities.js";
import { type LotMove, LotReplay, type ReplayedUse } from "../../src/exchange/lot-replays/rules.js";
import type { HeldLot } from "../../src/exchange/lots/rules.js";
import { present } from "../../src/kernel/assert.js";

const AT = new Date("2026-03-02T00:00:00.000Z");
const PERIOD = { period: { no: 1, endsAt: AT }, isLater: () => false };

/** What happened to a partner's credit: one entry each. */
const anyStep = fc.oneof(
  fc.record({ kind: fc.constant("BUY" as const), minor: fc.bigInt(1n, 500n), priority: fc.constantFrom(null, 1, 2) }),
  fc.record({ kind: fc.constant("DRAW" as const), minor: fc.bigInt(1n, 400n) }),
  fc.record({ kind: fc.constant("GIVE_BACK" as const), minor: fc.bigInt(1n, 200n) }),
  fc.record({ kind: fc.constant("STATEMENT" as const), drawn: fc.bigInt(0n, 10n), direct: fc.bigInt(0n, 10n) }),
  fc.record({ kind: fc.constant("EXPIRE" as const), which: fc.nat(5) }),
);
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

interface Told {
  readonly lots: readonly HeldLot[];
  readonly moves: readonly LotMove[];
  /** After which entries a statement came, and what it took. */
  readonly uses: ReadonlyMap<bigint, readonly ReplayedUse[]>;
  /** The lots as each statement found them. */
  readonly found: ReadonlyMap<bigint, readonly HeldLot[]>;
}

/** Credit step by step, as simply as can be: the lots, and what is written of them. */
class NaiveCredit implements Told {
  readonly lots: HeldLot[] = [];
  readonly moves: LotMove[] = [];
  readonly uses = new Map<bigint, readonly ReplayedUse[]>();
  readonly found = new Map<bigint, readonly HeldLot[]>();
  #entryNo = 0n;

  take(step: Step): void {
    this.#entryNo += 1n;
    if (step.kind === "BUY") {
      const lot = lotOf(this.lots.length + 1, step.minor, step.priority);
      this.lots.push(lot);
      this.#write(lot, CreditMoveKind.BOUGHT, step.minor);
    } else if (step.kind === "DRAW") this.#draw(step.minor);
    else if (step.kind === "GIVE_BACK") this.#giveBack(step.minor);
    else if (step.kind === "STATEMENT") this.#settle(step.drawn, step.direct);
    else this.#expire(this.lots[step.which]);
  }

  #draw(minor: bigint): void {
    let left = minor;
    for (const { no } of [...this.lots].sort((a, b) => (a.priority ?? 9) - (b.priority ?? 9) || a.no - b.no)) {
      const drawn = least(left, this.#lot(no).remainingMinor);
      left -= drawn;
      this.#move(no, CreditMoveKind.DRAWN, drawn);
    }
  }

  #giveBack(minor: bigint): void {
    let left = minor;
    const lastFirst = [...this.lots].sort((a, b) => Number(b.lastDrawnEntryNo - a.lastDrawnEntryNo));
    for (const { no } of lastFirst.filter(({ drawnMinor }) => drawnMinor > 0n)) {
      const back = least(left, this.#lot(no).drawnMinor);
      left -= back;
      this.#move(no, CreditMoveKind.DRAWN, -back);
    }
  }

  #settle(drawn: bigint, direct: bigint): void {
    this.found.set(this.#entryNo, [...this.lots]);
    const uses = usesOf(this.lots, drawn, direct);
    this.uses.set(this.#entryNo, uses);
    for (const { lotNo, drawnMetMinor, metMinor } of uses) {
      this.#move(lotNo, CreditMoveKind.DRAWN_MET, drawnMetMinor);
      this.#move(lotNo, CreditMoveKind.MET, metMinor);
    }
  }

  #expire(lot: HeldLot | undefined): void {
    if (lot !== undefined) this.#move(lot.no, CreditMoveKind.EXPIRED, lot.remainingMinor);
  }

  #lot(no: number): HeldLot {
    return present(this.lots[no - 1], "a lot");
  }

  /** One side of the lot to the other, and what is written of it. */
  #move(no: number, kind: CreditMoveKind, minor: bigint): void {
    const [lot, [from, to]] = [this.#lot(no), SIDES[kind]];
    if (minor === 0n || from === undefined || to === undefined) return;
    const isDrawing = (kind === CreditMoveKind.DRAWN || kind === CreditMoveKind.MET) && minor > 0n;
    this.lots[no - 1] = {
      ...lot,
      ...{ [from]: lot[from] - minor, [to]: lot[to] + minor },
      ...(isDrawing ? { lastDrawnEntryNo: this.#entryNo } : {}),
    };
    this.#write(lot, kind, minor);
  }

  #write({ no: lotNo }: HeldLot, kind: CreditMoveKind, amountMinor: bigint): void {
    this.moves.push({ entryNo: this.#entryNo, lotNo, kind, periodNo: 1, amountMinor, at: AT });
  }
}

const SIDES = {
  BOUGHT: [],
  TAKEN_BACK: [],
  DRAWN: ["remainingMinor", "drawnMinor"],
  DRAWN_MET: ["drawnMinor", "settledMinor"],
  MET: ["remainingMinor", "settledMinor"],
  EXPIRED: ["remainingMinor", "expiredMinor"],
} as const;

function tell(steps: readonly Step[]): Told {
  const credit = new NaiveCredit();
  for (const step of steps) credit.take(step);
  return credit;
}

function lotOf(no: number, faceMinor: bigint, priority: number | null): HeldLot {
  return {
    ...{ no, code: `lot-${no}`, currency: "USD", priority, expiresAt: null, boughtAt: AT, faceMinor, costMinor: 0n },
    ...{ periodNo: 1, takenBackPeriodNo: null, remainingMinor: faceMinor, drawnMinor: 0n, settledMinor: 0n },
    ...{ expiredMinor: 0n, lastDrawnEntryNo: 0n },
  };
}

/** So many tenths of what is drawn and of what is left. */
function usesOf(lots: readonly HeldLot[], drawn: bigint, direct: bigint): ReplayedUse[] {
  return lots.map(({ no: lotNo, drawnMinor, remainingMinor }) => {
    return { lotNo, drawnMetMinor: (drawnMinor * drawn) / 10n, metMinor: (remainingMinor * direct) / 10n };
  });
}

function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

/** Replays what was told, with what each statement takes; answers the lots as each found them. */
function replayed(
  { lots, moves, uses }: Told,
  takes: (found: readonly HeldLot[], entryNo: bigint) => readonly ReplayedUse[],
) {
  const replay = new LotReplay({ lots, before: [], isUndrawn: () => false });
  const found = new Map<bigint, readonly HeldLot[]>();
  let passed = 0n;
  for (const entryNo of [...uses.keys(), BigInt(2 ** 40)]) {
    replay.pass(moves.filter((move) => move.entryNo > passed && move.entryNo <= entryNo));
    passed = entryNo;
    const listed = [...(replay.lotsOf(PERIOD).get("USD") ?? [])].map(({ lot }) => lot).sort((a, b) => a.no - b.no);
    found.set(entryNo, listed);
    replay.use(entryNo, takes(listed, entryNo));
  }
  return found;
}

const anyHistory = fc.array(anyStep, { maxLength: 40 }).map(tell);

test("with what statements took, lots are told again as they were, to each unit and in each order", () => {
  fc.assert(
    fc.property(anyHistory, (told) => {
      const found = replayed(told, (_, entryNo) => told.uses.get(entryNo) ?? []);
      for (const [entryNo, lots] of told.found) {
        // Lots that were bought later are of this period as well, and hold nothing yet.
        const bought = (found.get(entryNo) ?? []).filter(({ no }) => no <= lots.length);
        expect(bought).toEqual(lots);
      }
    }),
  );
});

test("whatever statements take instead, a lot has what was bought, in no part less than nothing", () => {
  fc.assert(
    fc.property(anyHistory, fc.bigInt(0n, 10n), fc.bigInt(0n, 10n), (told, drawn, direct) => {
      const found = replayed(told, (lots) => usesOf(lots, drawn, direct));
      for (const lot of found.get(BigInt(2 ** 40)) ?? []) {
        const parts = [lot.remainingMinor, lot.drawnMinor, lot.settledMinor, lot.expiredMinor];
        expect(parts.every((part) => part >= 0n)).toBe(true);
        expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(lot.faceMinor);
      }
    }),
  );
});

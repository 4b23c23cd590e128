/** By what totals are told apart besides their kind, where terms ask for it. */
export enum Grain {
  PLAYER = "PLAYER",
  /** The partner's local day. */
  DAY = "DAY",
  /** Brand and product, with one of the others. */
  PLACE = "PLACE",
}

/** The player of what has none: a pseudonym as it is stored, in hexadecimal. */
export const NOBODY = "0".repeat(32);

/** Grains as one word of a column, in one order; empty for none. */
export function grainText(grains: readonly Grain[] | undefined): string | undefined {
  return grains === undefined
    ? undefined
    : Object.values(Grain)
        .filter((grain) => grains.includes(grain))
        .join("+");
}

/** Grains as `grainText` wrote them. */
export function parseGrains(text: string): readonly Grain[] {
  return text === "" ? NONE : Object.values(Grain).filter((grain) => text.split("+").includes(grain));
}

/** Whether totals that are kept by some grains answer for others. */
export function covers(kept: readonly Grain[], asked: readonly Grain[]): boolean {
  return asked.every((grain) => kept.includes(grain));
}

/** By what an item is kept apart: by what the period that takes it asks, and the one it happened in. */
export function joinGrains(left: readonly Grain[], right: readonly Grain[]): readonly Grain[] {
  if (right.length === 0 || left === right) return left;
  return left.length === 0 ? right : Object.values(Grain).filter((grain) => [...left, ...right].includes(grain));
}

const NONE: readonly Grain[] = [];

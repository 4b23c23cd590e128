import { Rational } from "../../kernel/rational.js";

/** When a player's loss is kept from the others: how far down the player and the aggregate must be, exactly. */
export interface RingFence {
  readonly playerAtMost: Rational;
  readonly aggregateAtMost: Rational;
}

/** A player's base of a period, and what was carried in against that player alone (at most zero). */
export interface PlayerBase {
  readonly player: string;
  readonly base: Rational;
  readonly carryIn: Rational;
}

/** What is shared, and what is carried out against each player alone (below zero). */
export interface Fenced {
  readonly base: Rational;
  readonly carryOut: ReadonlyMap<string, Rational>;
}

/**
 * The high-roller ring-fence (domain 7). A player with a carry absorbs own gains with it first. Where the aggregate is
 * at most its bound, the losses of players at most theirs are carried against them alone, together no more than the
 * aggregate's, in proportion to their losses; nothing is shared then. `base` is what is left for the ordinary carry.
 */
export function ringFence({ playerAtMost, aggregateAtMost }: RingFence, players: readonly PlayerBase[]): Fenced {
  const absorbed = players.map(({ player, base, carryIn }) => {
    const taken = carryIn.negate().min(base.max(Rational.ZERO));
    return { player, base: base.minus(taken), left: carryIn.plus(taken) };
  });
  const aggregate = sumOf(absorbed.map(({ base }) => base));
  const isFencing = aggregate.compare(aggregateAtMost) <= 0;
  const fenced = isFencing ? absorbed.filter(({ base }) => base.compare(playerAtMost) <= 0) : [];
  const lost = sumOf(fenced.map(({ base }) => base));
  const carried = lost.max(aggregate); // both below zero: the lesser loss
  const carryOut = new Map(absorbed.map(({ player, left }) => [player, left] as const));
  for (const { player, base, left } of fenced) carryOut.set(player, left.plus(carried.times(base).over(lost)));
  return {
    base: fenced.length === 0 ? aggregate : aggregate.minus(carried),
    carryOut: new Map([...carryOut].filter(([, value]) => !value.isZero)),
  };
}

function sumOf(values: readonly Rational[]): Rational {
  return values.reduce((sum, value) => sum.plus(value), Rational.ZERO);
}

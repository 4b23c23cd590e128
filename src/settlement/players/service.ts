import { type FineActivity, type FineSource, fineActivityOf, nextPlayers } from "../../periods/fine-totals/service.js";
import { NOBODY } from "../../periods/grains/entities.js";
import type { Reader } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { askAhead } from "../rulings/service.js";
import type { KindTotal } from "../terms/activity.js";
import type { Contract } from "../terms/contract.js";
import type { PeriodDays } from "../terms/period.js";
import { greatestLosers, isFencing, type Loser, losersAmong, playersIn, takeApart } from "../terms/players.js";
import { applyRulings, rulingsOf } from "../terms/rule.js";
import type { Ruling } from "../terms/ruling.js";
import type { State } from "../terms/state.js";

/** Players that are looked at together. */
const PLAYERS_AT_ONCE = 1_000;

/** Totals of one currency, and where the same are kept by player. */
export interface Together {
  readonly totals: readonly KindTotal[];
  readonly sources: readonly FineSource[];
}

/** By what players are told apart, and how rows are read as totals of the currency. */
export interface Telling {
  readonly partner: Partner;
  readonly contract: Contract;
  readonly state: State;
  readonly period: PeriodDays;
  readonly totalsOf: (rows: readonly FineActivity[]) => Promise<readonly KindTotal[]>;
}

/**
 * Totals with the players told apart whom the ring-fence looks at: those that something is carried against and, where
 * the aggregate is beyond its bound, those whose loss is beyond theirs. Only then are all players read, page by page.
 * Of totals that come one after the other, whoever it looks at before the last ones is told apart as well. A rule is
 * asked first, since it says which unit a player's activity is in; whoever the players are, it is told the same.
 */
export async function tellPlayersApart(
  reader: Reader,
  telling: Telling,
  together: readonly Together[],
): Promise<readonly (readonly KindTotal[])[]> {
  const { contract, state } = telling;
  if (contract.carry.ringFence === null) return together.map(({ totals }) => totals);
  const carrying = playersIn(state);
  const known = await apart(reader, telling, together, carrying);
  const losers = new Set(carrying);
  for (const [index] of together.entries()) {
    const totals = timely(known.slice(0, index + 1).flat());
    await askAhead({ ...telling, totals });
    const rulings = rulingsOf({ ...telling, totals });
    if (!isFencing(contract, applyRulings(contract, totals, rulings), state)) continue;
    const looking = { rulings, carrying, some: together.slice(0, index + 1) };
    for (const player of await losersIn(reader, telling, looking)) losers.add(player);
  }
  return losers.size === carrying.length ? known : apart(reader, telling, together, [...losers]);
}

interface Looking {
  /** What the rule says of all that is looked at. */
  readonly rulings: readonly Ruling[];
  readonly carrying: readonly string[];
  readonly some: readonly Together[];
}

async function losersIn(
  reader: Reader,
  telling: Telling,
  { rulings, carrying, some }: Looking,
): Promise<readonly string[]> {
  const { contract } = telling;
  const sources = some.flatMap((each) => each.sources);
  const periodNos = [...new Set(sources.map(({ periodNo }) => periodNo))];
  let [losers, after]: [readonly Loser[], string] = [[], NOBODY];
  for (;;) {
    const page = await nextPlayers(reader, telling.partner, periodNos, { after, limit: PLAYERS_AT_ONCE });
    const last = page.at(-1);
    if (last === undefined) return losers.map(({ player }) => player);
    const others = page.filter((player) => !carrying.includes(player));
    const rows = applyRulings(contract, timely(await rowsOf(reader, telling, sources, others)), rulings);
    losers = greatestLosers([...losers, ...losersAmong(contract, rows)], carrying.length);
    after = last;
  }
}

async function apart(
  reader: Reader,
  telling: Telling,
  together: readonly Together[],
  players: readonly string[],
): Promise<readonly (readonly KindTotal[])[]> {
  const told: (readonly KindTotal[])[] = [];
  for (const { totals, sources } of together) {
    told.push(takeApart(totals, await rowsOf(reader, telling, sources, players)));
  }
  return told;
}

async function rowsOf(
  reader: Reader,
  { partner, totalsOf }: Telling,
  sources: readonly FineSource[],
  players: readonly string[],
): Promise<readonly KindTotal[]> {
  const rows: FineActivity[] = [];
  for (const source of sources) rows.push(...(await fineActivityOf(reader, partner, source, players)));
  return totalsOf(rows);
}

/** As they would be if nothing had come late: a period's late items count in its base like its own. */
function timely(totals: readonly KindTotal[]): readonly KindTotal[] {
  return totals.map((total) => ({ ...total, originPeriodId: null }));
}

/** What was set for a game type or a game; null is not set. */
export interface OwnSettings {
  readonly category: string | null;
  readonly group: string | null;
  readonly bonusCost: boolean | null;
}

/** What holds for a game. */
export interface GameTerms {
  readonly category: string;
  /** Empty for none. */
  readonly group: string;
  readonly bonusCost: boolean;
}

/** The type of a game that nobody gave one. */
const NO_TYPE = "OTHER";

/** What holds for a game: what was set for itself, else what was set for its type, else nothing special. */
export function termsOfGame(game: OwnSettings | undefined, types: ReadonlyMap<string, OwnSettings>): GameTerms {
  const category = game?.category ?? NO_TYPE;
  const type = types.get(category);
  return {
    category,
    group: game?.group ?? type?.group ?? "",
    bonusCost: game?.bonusCost ?? type?.bonusCost ?? true,
  };
}

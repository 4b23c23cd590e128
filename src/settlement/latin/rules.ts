/** What every bank takes in a credit transfer (EPC217-08, basic Latin character set). */
const LATIN = /^[A-Za-z0-9/?:().,'+ -]+$/;

/** Letters that are not a letter with a mark on it, and signs, as banks write them (EPC217-08, conversion table). */
const WRITTEN: ReadonlyMap<string, string> = new Map(
  [
    ...["ßss", "ẞSS", "ÆAE", "æae", "ŒOE", "œoe", "ØO", "øo", "ÞTH", "þth", "ıi", "ŁL", "łl", "ĐD", "đd", "ÐD", "ðd"],
    ...["ĦH", "ħh", "ŊN", "ŋn", "ŦT", "ŧt", "&+", "_-", "–-", "—-", "’'", "‘'", "`'", "\"'", ";,", "!.", "[(", "])"],
    ...["\\/", "|/"],
  ].map((pair) => [pair.slice(0, 1), pair.slice(1)]),
);

/**
 * A text in the letters that every bank takes: accents fall away, ligatures are written out, spaces become one. Null
 * where any character has no such form, as Korean ones: nothing is left out silently, and nothing becomes empty.
 */
export function latinOf(text: string): string | null {
  const plain = text.normalize("NFKD").replace(/\p{M}/gu, "");
  const written = plain.replace(/./gu, (character) => WRITTEN.get(character) ?? character);
  const spaced = written.replace(/\s+/g, " ").trim();
  return isLatin(spaced) ? spaced : null;
}

/** Whether a text has only letters that every bank takes, and at least one. */
export function isLatin(text: string): boolean {
  return LATIN.test(text) && /[A-Za-z0-9]/.test(text);
}

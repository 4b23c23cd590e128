import { createRequire } from "node:module";
import { present } from "../../kernel/assert.js";

/** How heavy a text is drawn. */
export type Weight = "regular" | "bold";
/** Who draws a character: the face of the page, or the one for letters that it lacks. */
export type Face = "page" | "letters";

const require = createRequire(import.meta.url);
/**
 * The files of the faces, both under the OFL 1.1: Nanum Gothic, Korean and Latin, all figures of one width; Noto Sans
 * for the letters that it lacks.
 */
export const FACES: Readonly<Record<Face, Readonly<Record<Weight, string>>>> = {
  page: {
    regular: require.resolve("@expo-google-fonts/nanum-gothic/400Regular/NanumGothic_400Regular.ttf"),
    bold: require.resolve("@expo-google-fonts/nanum-gothic/700Bold/NanumGothic_700Bold.ttf"),
  },
  letters: {
    regular: require.resolve("@expo-google-fonts/noto-sans/300Light/NotoSans_300Light.ttf"),
    bold: require.resolve("@expo-google-fonts/noto-sans/700Bold/NotoSans_700Bold.ttf"),
  },
};
/** From the top of a line to the base of its letters, for a size of 1: the ascent that the page's face states. */
export const ASCENT = 0.844;

/** What both faces draw. */
const ASCII = "\\x20-\\x7E";
/** What the page's face draws besides, for certain: Hangul, and the marks that people write in either language. */
const OF_PAGE = [
  ...["\\uAC00-\\uD7A3", "\\u3131-\\u318E", "\\xA1-\\xA7", "\\xA9-\\xAC", "\\xAE", "\\xB0-\\xB3"],
  ...["\\xB5-\\xB7", "\\xB9-\\xBF", "\\xD7", "\\xDF", "\\xF7", "\\u2013\\u2014", "\\u2018-\\u2022"],
  ...["\\u2025\\u2026", "\\u20A9\\u20AC", "\\u2122", "\\u3001-\\u3003", "\\u3008-\\u3011"],
].join("");
/** What the other draws in its place: Latin of all Europe and Vietnam, Greek, Cyrillic, and signs of currencies. */
const OF_LETTERS = [
  ...["\\xC0-\\xD6", "\\xD8-\\xDE", "\\xE0-\\xF6", "\\xF8-\\u024F", "\\u1E00-\\u1EFF"],
  ...["\\u0370-\\u0377", "\\u037A-\\u037F", "\\u0384-\\u038A", "\\u038C", "\\u038E-\\u03A1", "\\u03A3-\\u03E1"],
  ...["\\u03F0-\\u03FF", "\\u0400-\\u052F", "\\u20A0-\\u20A8", "\\u20AA", "\\u20AB", "\\u20AD-\\u20BF"],
].join("");
const UNDRAWN = new RegExp(`[^${ASCII}${OF_PAGE}${OF_LETTERS}]`, "gu");
const FOREIGN = new RegExp(`[${OF_LETTERS}]`, "u");
const FOREIGN_OR_ASCII = new RegExp(`[${ASCII}${OF_LETTERS}]`, "u");

/** A part of a text that one face draws. */
export interface Run {
  readonly face: Face;
  readonly text: string;
}

/**
 * A text as it is drawn: letters composed (NFC), white space a space, and what no face draws named by its code point,
 * so that nothing disappears.
 */
export function drawn(text: string): string {
  return text
    .normalize("NFC")
    .replace(/\s/gu, " ")
    .replace(UNDRAWN, (character) => `<U+${present(character.codePointAt(0), "a character").toString(16)}>`);
}

/** A text as its faces draw it: a word with a letter that the page's face lacks is of one face, but for its Hangul. */
export function runsOf(text: string): readonly Run[] {
  if (!FOREIGN.test(text)) return [{ face: "page", text }];
  const runs: Run[] = [];
  for (const word of text.split(/(?<= )/)) {
    const isForeign = FOREIGN.test(word);
    for (const character of word) {
      const face = isForeign && FOREIGN_OR_ASCII.test(character) ? "letters" : "page";
      const last = runs.at(-1);
      if (last?.face === face) runs[runs.length - 1] = { face, text: last.text + character };
      else runs.push({ face, text: character });
    }
  }
  return runs;
}

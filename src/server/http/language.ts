import { LANGUAGES, type Language } from "../../settlement/renditions/entities.js";

/** Where nobody says which language. */
const LANGUAGE_DEFAULT: Language = "en";

/** Which of ours has the greatest weight in an `Accept-Language` header (RFC 9110, 12.5.4), the first of equals. */
export function preferredLanguage(header: string | undefined): Language {
  const liked = (header ?? "").split(",").flatMap((range) => {
    const [tag = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const language = LANGUAGES.find((known) => tag === known || tag.startsWith(`${known}-`));
    const weight = /^q=([01](?:\.\d{0,3})?)$/.exec(parameters.find((each) => each.startsWith("q=")) ?? "q=1")?.[1];
    return language === undefined || weight === undefined ? [] : [{ language, weight: Number(weight) }];
  });
  const [best] = liked.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight);
  return best?.language ?? LANGUAGE_DEFAULT;
}

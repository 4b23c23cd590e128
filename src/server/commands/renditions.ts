import { readFile, writeFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import {
  FORMATS,
  type Format,
  LANGUAGES,
  type Language,
  type Rendition,
} from "../../settlement/renditions/entities.js";
import { renderPresented } from "../../settlement/renditions/service.js";
import { printJson } from "./app.js";
import { type AgeOptions, addAgeOptions, provenAge } from "./proven-age.js";
import { readJwks } from "./verify.js";

interface RenderOptions extends AgeOptions {
  readonly jwks: string;
  readonly format: Format;
  readonly lang: Language;
  readonly out: string;
  readonly json?: boolean;
}

/** The command that writes a signed statement for people, offline: `render`. */
export function register(program: Command): void {
  addAgeOptions(program.command("render"))
    .description("write a signed statement as CSV, XLSX or PDF, offline, after checking it as `verify statement` does")
    .argument("<file>", "the statement, as `statement --jws` prints it")
    .requiredOption("--jwks <file|url>", "the platform's public keys, e.g. http://localhost:4000/.well-known/jwks.json")
    .addOption(formatOption().makeOptionMandatory())
    .addOption(languageOption())
    .requiredOption("--out <file>", "where it is written")
    .option("--json", "print one JSON document")
    .action(async (file: string, { jwks: place, format, lang: language, out, json, ...age }: RenderOptions) => {
      const jws = (await readFile(file, "utf8")).trim();
      const proven = await provenAge(jws, age);
      if ("fault" in proven) throw new Error(`The proof of its age does not hold: ${proven.fault}.`);
      const [jwks, provenAt] = [await readJwks(place), proven.at];
      const rendition = await renderPresented(jws, { jwks, provenAt }, { format, language });
      await writeRendition(rendition, out, json === true);
    });
}

/** As what a statement is written. */
export function formatOption(): Option {
  return new Option("--format <format>", "as what the statement is written").choices(FORMATS);
}

/** In which language a statement is written. */
export function languageOption(): Option {
  return new Option("--lang <language>", "in which language").choices(LANGUAGES).default("en");
}

/** Writes the file, in the place of one that is there, and says so. */
export async function writeRendition({ bytes, type }: Rendition, out: string, isJson: boolean): Promise<void> {
  await writeFile(out, bytes);
  if (isJson) return printJson({ file: out, type, bytes: bytes.length });
  console.log(`${out}: ${bytes.length} bytes`);
}

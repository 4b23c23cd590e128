import { readFile, writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { printJson } from "./app.js";

interface DecryptOptions {
  readonly key: string;
  readonly out: string;
  readonly json?: boolean;
}

/** The command that opens what the platform encrypted for a partner, whatever is inside: `decrypt`. */
export function register(program: Command): void {
  program
    .command("decrypt")
    .description("open a statement, a file of one or a receipt that was encrypted for your key")
    .argument("<file>", "what was encrypted (compact JWE)")
    .requiredOption("--key <file>", "your private JWK, as `keygen --use enc` wrote it")
    .requiredOption("--out <file>", "where what is inside is written")
    .option("--json", "print one JSON document")
    .action(decrypt);
}

async function decrypt(file: string, { key, out, json }: DecryptOptions): Promise<void> {
  const { openedDocument } = await import("../partner/encryption.js");
  const { cty, bytes } = await openedDocument((await readFile(file, "utf8")).trim(), key);
  await writeFile(out, bytes);
  if (json === true) return printJson({ file: out, cty, bytes: bytes.length });
  console.log(`${out}: ${bytes.length} bytes, ${cty}`);
}

import { readFile } from "node:fs/promises";

/** The text of a file with public keys, as JWK, JWK Set or PEM; of what `keygen --json` printed, the key alone. */
export async function publicKeysIn(file: string): Promise<string> {
  const text = await readFile(file, "utf8");
  if (text.trimStart().startsWith("-----BEGIN")) return text;
  const value: unknown = JSON.parse(text);
  const isAnswer = typeof value === "object" && value !== null && "publicJwk" in value;
  return isAnswer ? JSON.stringify(value.publicJwk) : text;
}

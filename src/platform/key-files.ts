import { join } from "node:path";
import { readIfThere } from "./running-servers.js";

/** The master key as named, else that of the data directory; throws a sentence for people when there is none. */
export function masterKeyOf(named: string | undefined, dataDir: string): Buffer {
  const text = named ?? readIfThere(join(dataDir, "master.key"));
  const key = Buffer.from((text ?? "").trim(), "base64url");
  if (key.length !== 32) {
    throw new Error(
      "The master key is missing: set QUITTANCE_MASTER_KEY to 32 bytes in base64url, " +
        `or keep them in ${join(dataDir, "master.key")}.`,
    );
  }
  return key;
}

/** Master keys in a list, joined by commas or white space; throws a sentence for people when one is none. */
export function otherKeysOf(list: string): Buffer[] {
  const keys = list
    .split(/[\s,]+/)
    .filter((text) => text !== "")
    .map((text) => Buffer.from(text, "base64url"));
  if (keys.every((key) => key.length === 32)) return keys;
  throw new Error("QUITTANCE_MASTER_KEYS_OTHER holds keys of 32 bytes in base64url, joined by commas.");
}

import { canonicalJson } from "../../kernel/canonical-json.js";

/** What a file of `c2sp.org/tlog-proof@v1` holds. */
export interface ProofFile {
  readonly index: number;
  /** From the leaf's sibling to the root's child, 32 bytes each. */
  readonly hashes: readonly Buffer[];
  /** A signed note. */
  readonly checkpoint: string;
  /** Not authenticated by the file itself: the leaf's hash must be proven, and the detail's stand in the leaf. */
  readonly extra: ProvenText | null;
}

/** A leaf of the log, and the detail whose SHA-256 it states. */
export interface ProvenText {
  readonly leaf: string;
  /** Null once it was erased. */
  readonly detail: string | null;
}

const HEAD = "c2sp.org/tlog-proof@v1\n";
const FILE_LENGTH_MAX = 4_000_000;
const HASHES_MAX = 63;
const FORM = /^(?:extra ([A-Za-z0-9+/]*={0,2})\n)?index (0|[1-9]\d{0,15})\n((?:[A-Za-z0-9+/]{43}=\n)*)\n/;

/**
 * A proof of inclusion as one file (C2SP tlog-proof). The extra data is what the hash is of: canonical JSON of the
 * leaf and its detail, as texts.
 */
export function formatProofFile({ index, hashes, checkpoint, extra }: ProofFile): string {
  const extraLine = extra === null ? "" : `extra ${Buffer.from(canonicalJson({ ...extra })).toString("base64")}\n`;
  const lines = hashes.map((hash) => `${hash.toString("base64")}\n`).join("");
  return `${HEAD}${extraLine}index ${index}\n${lines}\n${checkpoint}`;
}

/** Reads such a file; null for anything else, or where the extra data is not a leaf and its detail. */
export function parseProofFile(file: string): ProofFile | null {
  if (!file.startsWith(HEAD) || file.length > FILE_LENGTH_MAX) return null;
  const rest = file.slice(HEAD.length);
  const [whole, encoded, digits = "", lines = ""] = FORM.exec(rest) ?? [];
  if (whole === undefined) return null;
  const texts = lines.split("\n").slice(0, -1);
  const hashes = texts.map((text) => Buffer.from(text, "base64"));
  const isStrict = hashes.every((hash, at) => hash.toString("base64") === texts[at]); // one value has one spelling
  const extra = encoded === undefined ? null : provenText(encoded);
  const index = Number(digits);
  if (!isStrict || hashes.length > HASHES_MAX || extra === undefined || !Number.isSafeInteger(index)) return null;
  return { index, hashes, extra, checkpoint: rest.slice(whole.length) };
}

/** Undefined where it is none. */
function provenText(encoded: string): ProvenText | undefined {
  try {
    const { leaf, detail }: Record<string, unknown> = JSON.parse(Buffer.from(encoded, "base64").toString("utf8"));
    if (typeof leaf !== "string") return undefined;
    return typeof detail === "string" || detail === null ? { leaf, detail } : undefined;
  } catch {
    return undefined; // no JSON, or no object: of somebody else's log
  }
}

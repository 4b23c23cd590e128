/** What a log asks of a witness: to cosign a checkpoint that continues the one of the old size (C2SP tlog-witness). */
export interface AddCheckpoint {
  readonly oldSize: number;
  /** Consistency proof from the old size to the checkpoint's. */
  readonly proof: readonly Buffer[];
  /** A signed note. */
  readonly checkpoint: string;
}

/** What an answer of a witness comes to. */
export type WitnessAnswer =
  | { readonly kind: "COSIGNED"; readonly lines: string }
  /** It holds another size than the old one that was said. */
  | { readonly kind: "CONFLICT"; readonly size: number }
  | { readonly kind: "FAULT"; readonly fault: WitnessFault };

/** Why a witness did not cosign. */
export type WitnessFault =
  /** It cannot be reached, or is busy; it is asked again. */
  | "AWAY"
  /** It holds a larger tree than there is: rows are lost, or an old backup was restored. */
  | "AHEAD"
  /** It holds another tree, or the proof does not hold for it. */
  | "NOT_CONSISTENT"
  /** It does not know this log. */
  | "LOG_UNKNOWN"
  /** It, or a proxy before it, refused; or its answer is not its cosignature. */
  | "REFUSED";

/** Faults that say that our tree is no continuation of what the witness cosigned. */
const CONTRADICTIONS: readonly string[] = ["AHEAD", "NOT_CONSISTENT"] satisfies WitnessFault[];

/** Faults that say nothing of what the witness holds. */
const UNHEARD: readonly string[] = ["AWAY", "REFUSED"] satisfies WitnessFault[];

/** Whether a witness that says so holds what our tree does not continue. */
export function isContradiction(fault: string | null): boolean {
  return fault !== null && CONTRADICTIONS.includes(fault);
}

/**
 * Whether a witness was not heard, so much as it is known to hold of the log: whoever does not know a log that it has
 * cosigned is not the witness, but a proxy, another server at its address, or one that lost its memory.
 */
export function isUnheard(fault: string | null, heldSize: number): boolean {
  return fault !== null && (UNHEARD.includes(fault) || (fault === "LOG_UNKNOWN" && heldSize > 0));
}

const PROOF_HASHES_MAX = 63;
const BODY_LENGTH_MAX = 1_100_000;
const FORM = /^old (0|[1-9]\d{0,15})\n((?:[A-Za-z0-9+/]{43}=\n)*)\n/;
const SIZE = /^(0|[1-9]\d{0,15})\n$/;

/** The body of an `add-checkpoint` request. */
export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): string {
  return `old ${oldSize}\n${proof.map((hash) => `${hash.toString("base64")}\n`).join("")}\n${checkpoint}`;
}

/** Reads such a body; null where it is none. */
export function parseAddCheckpoint(body: string): AddCheckpoint | null {
  const [whole, size = "", lines = ""] = FORM.exec(body) ?? [];
  if (whole === undefined || body.length > BODY_LENGTH_MAX) return null;
  const texts = lines.split("\n").slice(0, -1);
  const proof = texts.map((text) => Buffer.from(text, "base64"));
  const isStrict = proof.every((hash, at) => hash.toString("base64") === texts[at]);
  const oldSize = Number(size);
  if (!isStrict || proof.length > PROOF_HASHES_MAX || !Number.isSafeInteger(oldSize)) return null;
  return { oldSize, proof, checkpoint: body.slice(whole.length) };
}

/** What a witness' answer says, by its status and type. */
export function readWitnessAnswer(answer: {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}): WitnessAnswer {
  switch (answer.status) {
    case 200:
      return { kind: "COSIGNED", lines: answer.text };
    case 404:
      return fault("LOG_UNKNOWN");
    case 409: {
      const [, size] = SIZE.exec(answer.text) ?? [];
      const isSize = answer.contentType.split(";")[0] === "text/x.tlog.size" && Number.isSafeInteger(Number(size));
      return isSize ? { kind: "CONFLICT", size: Number(size) } : fault("NOT_CONSISTENT");
    }
    case 422:
      return fault("NOT_CONSISTENT");
    default:
      return fault(answer.status >= 500 || answer.status === 429 ? "AWAY" : "REFUSED");
  }
}

function fault(is: WitnessFault): WitnessAnswer {
  return { kind: "FAULT", fault: is };
}

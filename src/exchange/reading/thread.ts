import type { KeyObject } from "node:crypto";
import type { EncryptedHeader } from "../../identity/encryption/entities.js";
import type { RefusalRecord } from "../../kernel/errors.js";
import { CodedError, refusalRecord } from "../../kernel/errors.js";
import { serveTasks, sharedText } from "../../platform/threads.js";
import type { BatchFigures } from "../../threat/entities.js";
import { type EnvelopeCover, openEnvelope, readEnvelope, verifySignature } from "../envelope.js";
import { figuresOf } from "../figures/rules.js";
import type { SignedHeader, VerificationKey } from "../jws.js";
import { packEnvelope } from "../packing.js";

/** What is asked of the thread: to take a batch apart, or to verify one that was, and pack it. */
export interface ReadingTask {
  /** The compact JWS, or the JWE around it, in UTF-8. */
  readonly bytes: SharedArrayBuffer;
  /** What it is opened with before it is taken apart; null for one that is signed alone. */
  readonly opening: { readonly header: EncryptedHeader; readonly key: KeyObject } | null;
  /** Null to take it apart. */
  readonly signed: { readonly header: SignedHeader; readonly key: VerificationKey } | null;
}

/** What the thread answers: what it took apart, or what it packed; byte by byte as on the event loop. */
export type ReadingAnswer =
  | { readonly envelope: ThreadEnvelope; readonly opened: OpenedBytes | null }
  | { readonly packed: Uint8Array };

/** The signed batch that was inside, and the SHA-256 of what it was in. */
export interface OpenedBytes {
  readonly bytes: SharedArrayBuffer;
  readonly encryptedSha256: Uint8Array;
}

/** An envelope without what only posting needs, as plain data. */
export interface ThreadEnvelope extends Omit<EnvelopeCover, "payloadSha256"> {
  readonly payloadSha256: Uint8Array;
  /** 0 where the payload is refused. */
  readonly itemCount: number;
  readonly figures: BatchFigures;
  readonly payloadRefusal: RefusalRecord | null;
}

serveTasks(async ({ bytes, opening, signed }: ReadingTask): Promise<ReadingAnswer> => {
  const sent = Buffer.from(bytes).toString("latin1"); // what is not ASCII stays so, and is refused
  if (signed !== null) {
    verifySignature({ jws: sent, header: signed.header }, signed.key);
    return { packed: packEnvelope(sent) };
  }
  if (opening === null) return { envelope: threadEnvelope(sent), opened: null };
  const { jws, encryptedSha256 } = await openEnvelope(sent, opening.header, opening.key);
  return { envelope: threadEnvelope(jws), opened: { bytes: sharedText(jws), encryptedSha256 } };
});

function threadEnvelope(jws: string): ThreadEnvelope {
  const { header, stated, payloadSha256, payloadBytes, payload } = readEnvelope(jws);
  const known = { header, stated, payloadSha256, payloadBytes };
  return payload instanceof CodedError
    ? { ...known, itemCount: 0, figures: figuresOf([]), payloadRefusal: refusalRecord(payload) }
    : {
        ...{ ...known, itemCount: payload.transactions.length, figures: figuresOf(payload.transactions) },
        payloadRefusal: null,
      };
}

import { createPrivateKey, createPublicKey } from "node:crypto";
import { join } from "node:path";
import fastify from "fastify";
import { z } from "zod";
import { systemClock } from "../kernel/clock.js";
import { sha256Hex } from "../kernel/digest.js";
import { appendLine, lastLine } from "../platform/line-file.js";
import { openWitness, type WitnessReply } from "../transparency/witnessing/service.js";

/** What a witness is told: who it is, whose logs it watches, and where it keeps what it cosigned. */
export interface WitnessOptions {
  readonly name: string;
  /** An Ed25519 private key, as JWK. */
  readonly privateJwk: string;
  /** Verifier keys of the logs. */
  readonly logKeys: readonly string[];
  readonly dir: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** A witness at work. */
export interface RunningWitness {
  readonly url: string;
  /** What logs and readers configure (C2SP tlog-cosignature, `vkey`). */
  readonly verifierKey: string;
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 1_100_000;
const REQUEST_TIMEOUT_MS = 10_000;
const Line = z.object({ note: z.string() });
const Jwk = z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string(), d: z.string() });

/**
 * Serves `POST /add-checkpoint` (C2SP tlog-witness) over HTTP; a proxy before it speaks TLS. What it cosigns is on the
 * disk before it answers, a line each, and the last line of a log is what it holds.
 */
export async function startWitness(options: WitnessOptions): Promise<RunningWitness> {
  const { name, logKeys, dir, host, port } = options;
  const privateKey = createPrivateKey({ key: Jwk.parse(JSON.parse(options.privateJwk)), format: "jwk" });
  const witness = openWitness({ name, privateKey, publicKey: createPublicKey(privateKey), logKeys });
  const fileOf = (origin: string) => join(dir, `${sha256Hex(origin).slice(0, 32)}.ndjson`);
  const answer = async (body: string): Promise<WitnessReply> => {
    const now = systemClock.now();
    const origin = witness.originOf(body);
    const line = origin === null ? null : await lastLine(fileOf(origin));
    const held = line === null ? null : Line.parse(JSON.parse(line)).note;
    const reply = witness.reply(body, held, now);
    const kept = { at: now.toISOString(), note: reply.kept };
    if (origin !== null && reply.kept !== null) await appendLine(fileOf(origin), JSON.stringify(kept));
    return reply;
  };
  const server = fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "string" }, async (_request: unknown, body: string) => body);
  let last: Promise<unknown> = Promise.resolve();
  server.post<{ Body: string | undefined }>("/add-checkpoint", async (request, reply) => {
    // One after the other: what is held must not change between the look and the answer.
    const turn = last.then(() => answer(request.body ?? ""));
    last = turn.catch(() => undefined); // whoever asked is told; the next one has its turn
    const { status, contentType, text } = await turn;
    return reply.code(status).header("content-type", contentType).send(text);
  });
  return { url: await server.listen({ host, port }), verifierKey: witness.verifierKey, close: () => server.close() };
}

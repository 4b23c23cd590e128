import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError } from "commander";
import type { Session, Submitted } from "../partner-client.js";
import { printJson } from "./app.js";
import { addPartnerOptions, type PartnerOptions, sessionOf } from "./partner-options.js";

interface SignOptions {
  readonly key: string;
  readonly encrypt?: string;
  readonly encryptKid?: string;
}

interface SubmitOptions extends PartnerOptions {
  readonly for?: string;
  readonly wait: number;
  readonly encrypt?: boolean;
  readonly json?: boolean;
}

const WAIT_MS = { max: 30_000, default: 10_000 };
const SHOWN_MAX = 20;
const COMPACT_JWE = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){4}$/;
const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** The commands of the partner's side for one batch: `sign` and `submit`. */
export function register(program: Command): void {
  program
    .command("sign")
    .description("print the signed batch of a payload")
    .argument("<file>", "the payload as JSON (schema/batch.schema.json); `iat` may be left out")
    .requiredOption("--key <file>", "the private JWK, as `keygen` writes it")
    .option("--encrypt <file|url>", "encrypt it for the tenant's key in that JWK or JWK Set, and print that")
    .option("--encrypt-kid <kid>", "which key of the set, where there are several")
    .action(printSigned);
  addPartnerOptions(program.command("submit").description("submit one batch and print what became of it"))
    .argument(
      "<file>",
      "a batch, signed or encrypted, or a payload as JSON: `iss`, `sub`, `aud` and `iat` may be left out",
    )
    .option("--for <partner>", "the partner whose account it is, where the tenant signs")
    .option("--wait <ms>", "how long to wait for the outcome", waitMsOf, WAIT_MS.default)
    .option("--encrypt", "encrypt it for the tenant's key of now")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExit code 0 when nothing was refused, 1 when something was.")
    .action(submitFile);
}

async function printSigned(file: string, { key, encrypt: place, encryptKid }: SignOptions): Promise<void> {
  const { readSigningKey } = await import("../partner/signing-key.js");
  const { BATCH_TYPE, completedPayload } = await import("../partner/payload.js");
  const payload = completedPayload(await readFile(file, "utf8"));
  const jws = await (await readSigningKey(key)).sign(payload, BATCH_TYPE);
  if (place === undefined) return console.log(jws);
  const { encryptBatch, recipientIn } = await import("../partner/encryption.js");
  const { readJwks } = await import("./verify.js");
  console.log(await encryptBatch(jws, recipientIn(await readJwks(place), encryptKid)));
}

async function submitFile(file: string, options: SubmitOptions): Promise<void> {
  const { callerOf } = await import("../partner/payload.js");
  const { refusalsIn } = await import("../partner/submission.js");
  const session = await sessionOf(options);
  const submitted = await session.submit(await batchIn(session, file, options), options.wait);
  const caller = await callerOf(session);
  const refusals = await refusalsIn(session, submitted.batch, caller.mayReadBatches);
  if (refusals.length > 0) process.exitCode = 1;
  if (options.json === true) return printJson({ ...submitted, refusals });
  console.log(sentence(submitted));
  for (const { index, outcome, code, path } of refusals.slice(0, SHOWN_MAX)) {
    console.error(`item ${index}: ${code ?? outcome}${path === null ? "" : ` (at ${path})`}`);
  }
}

/** The file's own bytes where it is encrypted already, else signed, and encrypted where that is wished. */
async function batchIn(session: Session, file: string, options: SubmitOptions): Promise<string> {
  const text = (await readFile(file, "utf8")).trim();
  if (COMPACT_JWE.test(text)) return text;
  const jws = await signedBatch(session, text, options);
  if (options.encrypt !== true) return jws;
  const { encryptBatch, tenantKey } = await import("../partner/encryption.js");
  return encryptBatch(jws, await tenantKey(session));
}

/** The text itself where it is signed already, so that a batch can be sent again as it was. */
async function signedBatch(session: Session, text: string, options: SubmitOptions): Promise<string> {
  if (COMPACT_JWS.test(text)) return text;
  const { BATCH_TYPE, callerOf, completedPayload, partiesOf } = await import("../partner/payload.js");
  const parties = partiesOf(await callerOf(session), options.for);
  return session.sign(completedPayload(text, parties), BATCH_TYPE);
}

function sentence({ batch, replayed }: Submitted): string {
  const { id, state, postedCount, duplicateCount, pendingCount, refusedCount } = batch;
  const counts = [
    `${postedCount ?? 0} posted`,
    `${duplicateCount ?? 0} duplicates`,
    `${pendingCount ?? 0} waiting for their original`,
    `${refusedCount ?? 0} refused`,
  ].join(", ");
  const known = replayed ? " (it was accepted before)" : "";
  return state === "POSTED" ? `Batch ${id} is posted${known}: ${counts}.` : `Batch ${id} is ${state}${known}.`;
}

function waitMsOf(text: string): number {
  const ms = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (ms <= WAIT_MS.max) return ms;
  throw new InvalidArgumentError(`A wait is 0 to ${WAIT_MS.max} milliseconds.`);
}

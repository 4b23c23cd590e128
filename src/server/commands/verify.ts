import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { z } from "zod";
import { type ExtractKeys, extractFault } from "../../exchange/extracts/service.js";
import { readSigned } from "../../identity/platform-signatures/service.js";
import { verifySettledBatch } from "../../settlement/proofs/service.js";
import { verifyStatement } from "../../settlement/statements/service.js";
import { type AgeOptions, addAgeOptions, provenAge } from "./proven-age.js";
import { type Fault, printVerdict } from "./verdict.js";
import { addLogChecks, addLogOptions, type LogOptions, policyOf } from "./verify-log.js";

interface VerifyOptions {
  readonly jwks: string;
  readonly json?: boolean;
}

interface VerifyReceiptOptions extends VerifyOptions, AgeOptions {}

interface VerifyStatementOptions extends VerifyOptions, AgeOptions {
  readonly key?: string;
}

interface VerifyBatchOptions extends VerifyOptions, AgeOptions {
  readonly proof: string;
  readonly statement: string;
}

const FETCH_MS_MAX = 10_000;
const RECEIPT_TYPE = "quittance-receipt+jws";
const STATEMENT_TYPE = "quittance-statement+jws";
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const Receipt = z.object({
  ...{ iss: z.string(), batch: z.string(), jti: z.string(), sequence: z.string(), time: z.iso.datetime() },
  ...{ payloadSha256: sha256, leafHash: sha256, iat: z.int() },
});

/** The commands that check what the platform signed, with its public keys alone. */
export function register(program: Command): void {
  const verify = program.command("verify").description("check what the platform signed, offline");
  addAgeOptions(
    checking(
      verify.command("statement"),
      "the signature, and that every amount follows from the terms and totals on it",
    ),
  )
    .argument("<file>", "the statement, as `statement --jws` prints it, or encrypted")
    .option("--key <file>", "your private JWK, where the statement is encrypted for it")
    .action((file: string, options: VerifyStatementOptions) => {
      return report(file, options, async (text, jwks) => {
        const { signedDocument } = await import("../partner/encryption.js");
        const opened = await signedDocument(text, STATEMENT_TYPE, options.key);
        if ("fault" in opened) return { reason: opened.fault, differences: [] };
        return ofAge(opened.jws, options, (provenAt) => verifyStatement(opened.jws, jwks, provenAt));
      });
    });
  addAgeOptions(checking(verify.command("receipt"), "the signature of a batch's receipt"))
    .argument("<file>", "the receipt, as `submit` answers it")
    .action((file: string, options: VerifyReceiptOptions) =>
      report(file, options, (jws, jwks) => ofAge(jws, options, (provenAt) => verifyReceipt(jws, jwks, provenAt))),
    );
  addAgeOptions(
    checking(
      verify.command("batch"),
      "that a statement settles a batch: the batch is in the tree whose root it states",
    ),
  )
    .argument("<file>", "the batch, as it was sent")
    .requiredOption("--proof <file>", "one of the batch's `periodProofs`, as the API answers it (JSON)")
    .requiredOption("--statement <file>", "the statement of that period, as `statement --jws` prints it")
    .action(async (file: string, options: VerifyBatchOptions) => {
      const proof: unknown = JSON.parse(await readFile(options.proof, "utf8"));
      const statement = (await readFile(options.statement, "utf8")).trim();
      await report(file, options, (jws, jwks) =>
        ofAge(statement, options, (provenAt) => {
          const reason = verifySettledBatch({ jws, proof, statement, provenAt }, jwks);
          return reason === null ? null : { reason, differences: [] };
        }),
      );
    });
  addLogOptions(checking(verify.command("export"), "every batch that `retain` exported: signature, receipt and proofs"))
    .argument("<file>", "the export, NDJSON")
    .action(async (file: string, options: VerifyOptions & LogOptions) => {
      const log = await policyOf(options);
      await report(file, options, (text, jwks) => verifyExport(text, { jwks, log }));
    });
  addLogChecks(verify);
}

/** Runs a check with the age that is proven for what it checks; a revoked key is told with what would help. */
async function ofAge(
  jws: string,
  options: AgeOptions,
  check: (provenAt: Date | null) => Fault | null,
): Promise<Fault | null> {
  const proven = await provenAge(jws, options);
  if ("fault" in proven) return { reason: proven.fault, differences: [] };
  const fault = check(proven.at);
  return fault?.reason === "KEY_REVOKED"
    ? { ...fault, differences: [proven.at === null ? UNPROVEN : TOO_LATE] }
    : fault;
}

const UNPROVEN =
  "Somebody else may have had the key that signed it. Show that it is older: --log-proof with its proof in the log.";
const TOO_LATE = "The log knows of it only from when somebody else may have had the key that signed it.";

function verifyExport(text: string, keys: ExtractKeys): Fault | null {
  const faults = text.split("\n").flatMap((line, index) => {
    const reason = extractFault(parsedLine(line), keys);
    return reason === null ? [] : [{ reason, difference: `line ${index + 1}: ${reason}` }];
  });
  const [first] = faults;
  return first === undefined ? null : { reason: first.reason, differences: faults.map((each) => each.difference) };
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null; // not JSON, so no batch
  }
}

function checking(command: Command, what: string): Command {
  return command
    .description(`check ${what}`)
    .requiredOption("--jwks <file|url>", "the platform's public keys, e.g. http://localhost:4000/.well-known/jwks.json")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExit code 0 when it holds, 1 when it does not.");
}

async function report(
  file: string,
  { jwks, json }: VerifyOptions,
  check: (jws: string, jwks: unknown) => Fault | null | Promise<Fault | null>,
): Promise<void> {
  const fault = await check((await readFile(file, "utf8")).trim(), await readJwks(jwks));
  printVerdict(fault ?? { says: "It holds.", facts: {} }, json === true);
}

function verifyReceipt(jws: string, jwks: unknown, provenAt: Date | null): Fault | null {
  const read = readSigned(jws, { jwks, typ: RECEIPT_TYPE, provenAt });
  if ("fault" in read) return { reason: read.fault, differences: [] };
  return Receipt.safeParse(read.payload).success ? null : { reason: "NOT_A_RECEIPT", differences: [] };
}

/** A JWK Set from a file or an address. */
export async function readJwks(place: string): Promise<unknown> {
  if (!/^https?:\/\//.test(place)) return JSON.parse(await readFile(place, "utf8"));
  const response = await fetch(place, { signal: AbortSignal.timeout(FETCH_MS_MAX) });
  if (!response.ok) throw new Error(`${place} answers ${response.status}.`);
  return response.json();
}

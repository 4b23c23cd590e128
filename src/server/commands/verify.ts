import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { z } from "zod";
import { readSigned } from "../../identity/platform-signatures/service.js";
import type { ExportReading } from "../../operations/exports/service.js";
import { verifySettledBatch } from "../../settlement/proofs/service.js";
import { verifyStatement } from "../../settlement/statements/service.js";
import { type AgeOptions, addAgeOptions, provenAge } from "./proven-age.js";
import { type Fault, printVerdict } from "./verdict.js";
import { addLogChecks, addLogOptions, collected, type LogOptions, policyOf } from "./verify-log.js";

interface VerifyOptions {
  readonly jwks: string;
  readonly json?: boolean;
}

interface VerifyOpenedOptions extends VerifyOptions, AgeOptions {
  readonly key?: string;
}

interface VerifyBatchOptions extends VerifyOptions, AgeOptions {
  readonly proof: string;
  readonly statement: string;
}

interface VerifyExportOptions extends VerifyOptions, LogOptions {
  readonly json?: boolean;
  readonly statement: readonly string[];
  readonly aborted: readonly string[];
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
  addOpening(verify, "statement", {
    what: "the signature, and that every amount follows from the terms and totals on it",
    from: "the statement, as `statement --jws` prints it, or encrypted",
    type: STATEMENT_TYPE,
    check: verifyStatement,
  });
  addOpening(verify, "receipt", {
    what: "the signature of a batch's receipt",
    from: "the receipt, as `submit` answers it, or encrypted",
    type: RECEIPT_TYPE,
    check: verifyReceipt,
  });
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
  addExportCheck(verify);
  addLogChecks(verify);
}

function addExportCheck(verify: Command): void {
  addLogOptions(checking(verify.command("export"), "every batch that `retain` exported: signature, receipt and proofs"))
    .argument("<file>", "the export, NDJSON")
    .option(
      "--statement <file>",
      "a statement of a period, where the export holds none; may be repeated",
      collected,
      [],
    )
    .option(
      "--aborted <period>",
      "a period that you know was aborted, so has no statement; may be repeated",
      collected,
      [],
    )
    .action(verifyExport);
}

/** Something that the platform signed and may have encrypted for its reader. */
interface Opening {
  readonly what: string;
  readonly from: string;
  /** The `typ` of the JWS. */
  readonly type: string;
  readonly check: (jws: string, jwks: unknown, provenAt: Date | null) => Fault | null;
}

function addOpening(verify: Command, name: string, { what, from, type, check }: Opening): void {
  addAgeOptions(checking(verify.command(name), what))
    .argument("<file>", from)
    .option("--key <file>", `your private JWK, where the ${name} is encrypted for it`)
    .action((file: string, options: VerifyOpenedOptions) =>
      report(file, options, async (text, jwks) => {
        const { signedDocument } = await import("../partner/encryption.js");
        const opened = await signedDocument(text, type, options.key);
        if ("fault" in opened) return { reason: opened.fault, differences: [] };
        return ofAge(opened.jws, options, (provenAt) => check(opened.jws, jwks, provenAt));
      }),
    );
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

async function verifyExport(file: string, options: VerifyExportOptions): Promise<void> {
  const { readExport } = await import("../../operations/exports/service.js");
  const keys = { jwks: await readJwks(options.jwks), log: await policyOf(options) };
  const given = await Promise.all(options.statement.map(async (path) => (await readFile(path, "utf8")).trim()));
  const lines = (await readFile(file, "utf8")).trim().split("\n");
  printVerdict(verdictOf(readExport(lines, keys, given), options.aborted), options.json === true);
}

/** A root that nothing signed states is not taken on trust, unless somebody says that there can be no statement. */
function verdictOf(reading: ExportReading, aborted: readonly string[]) {
  const { batches, statements, faults, unstated, aside, unvouched } = reading;
  const [first] = faults;
  const differences = faults.map(({ line, reason }) => `${line === null ? "given" : `line ${line + 1}`}: ${reason}`);
  if (first !== undefined) return { reason: first.reason, differences };
  const missing = unstated.filter((id) => !aborted.includes(id));
  if (missing.length > 0) {
    const say = (id: string) => `${id}: everything else holds; give its statement with --statement to check its root`;
    return { reason: "ROOT_NOT_STATED", differences: missing.map(say) };
  }
  const unchecked = unstated.map((id) => `\nNot checked: the root of ${id}, which has no statement.`).join("");
  const was = aside.map(({ batch, state, act }) => `\n${batch} was ${state} at act ${act}.`).join("");
  const old = unvouched
    .map((id) => `\nNot vouched for: the key of ${id}, which the log names by its kid alone.`)
    .join("");
  const says = `It holds: ${batches} batches, their roots stated by ${statements} statements.${unchecked}${old}${was}`;
  return { says, facts: { batches, statements, unchecked: unstated, unvouched, aside } };
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

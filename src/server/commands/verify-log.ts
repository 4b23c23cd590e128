import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { z } from "zod";
import { leafHash, sha256Hex } from "../../kernel/digest.js";
import {
  findGrowthFault,
  type LogPolicy,
  type OpenedProof,
  openCheckpoint,
  openProof,
  readPolicy,
} from "../../transparency/proofs/service.js";
import { type Fault, type Holds, printVerdict } from "./verdict.js";

/** Whom a reader believes, as options say it. */
export interface LogOptions {
  readonly logKey: string;
  readonly witness: readonly string[];
  readonly quorum?: number;
  readonly json?: boolean;
}

interface ProofOptions extends LogOptions {
  readonly receipt?: string;
  readonly statement?: string;
}

interface CheckpointOptions extends LogOptions {
  readonly older?: string;
  readonly consistency?: string;
}

const VERIFIER_KEY = /^\S+\+[0-9a-f]{8}\+\S+$/;
const Consistency = z.object({ hashes: z.array(z.string()).max(63) });
const Receipt = z.object({ leafHash: z.string() });
const Detail = z.object({ after: z.object({ sha256: z.string() }) });

/** Adds `verify proof` and `verify checkpoint`, which need nothing but files and the keys that a reader pinned. */
export function addLogChecks(verify: Command): void {
  believing(verify.command("proof"), "that a record is in the log: its leaf leads to the root of a signed checkpoint")
    .argument("<file>", "the proof, as `inclusionProof { file }` answers it (c2sp.org/tlog-proof@v1)")
    .option("--receipt <file>", "the receipt that must state this leaf; `verify receipt` checks its signature")
    .option("--statement <file>", "the statement whose issue it must be; `verify statement` checks its signature")
    .action(checkProof);
  believing(verify.command("checkpoint"), "the signatures of a checkpoint, and that it continues an older one")
    .argument("<file>", "the checkpoint, as `/log/<tenant>/checkpoint` answers it")
    .option("--older <file>", "a checkpoint of the same log that it must continue")
    .option("--consistency <file>", "the proof of that, as `consistencyProof { hashes }` answers it (JSON)")
    .action(checkCheckpoint);
}

function believing(command: Command, what: string): Command {
  return addLogOptions(command.description(`check ${what}`))
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExit code 0 when it holds, 1 when it does not.");
}

/** Adds the options that say whom a reader believes. */
export function addLogOptions(command: Command): Command {
  return command
    .requiredOption("--log-key <key|file>", "the log's verifier key that you pinned: `log { verifierKey }`")
    .option("--witness <key|file>", "a witness' verifier key; may be given more than once", collected, [])
    .option("--quorum <n>", "how many of these witnesses must have cosigned (default: all)", Number);
}

/** Gathers the values of an option that may be given more than once. */
export function collected(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

async function checkProof(file: string, options: ProofOptions): Promise<void> {
  const opened = openProof(await readFile(file, "utf8"), await policyOf(options));
  printVerdict(
    "fault" in opened ? faultOf(opened.fault, opened.index) : await judgeProof(opened.found, options),
    options.json === true,
  );
}

async function judgeProof(proof: OpenedProof, options: ProofOptions): Promise<Fault | Holds> {
  const { index, leaf, detail, checkpoint } = proof;
  if (options.receipt !== undefined) {
    const [, payload = ""] = (await readFile(options.receipt, "utf8")).trim().split(".");
    const receipt = Receipt.safeParse(parsed(Buffer.from(payload, "base64url").toString("utf8")));
    if (receipt.data?.leafHash !== leafHash(leaf).toString("hex")) return faultOf("RECEIPT_OF_ANOTHER_LEAF", index);
  }
  if (options.statement !== undefined) {
    const jws = (await readFile(options.statement, "utf8")).trim();
    const stated = Detail.safeParse(parsed(detail ?? "")).data?.after.sha256;
    if (stated !== sha256Hex(jws)) return faultOf("STATEMENT_OF_ANOTHER_LEAF", index);
  }
  const { origin, size } = checkpoint;
  return { says: `It holds: leaf ${index} of ${size} in ${origin} is\n${leaf}`, facts: { origin, size, index, leaf } };
}

async function checkCheckpoint(file: string, options: CheckpointOptions): Promise<void> {
  const policy = await policyOf(options);
  const opened = openCheckpoint(await readFile(file, "utf8"), policy);
  if ("fault" in opened) return printVerdict(faultOf(opened.fault), options.json === true);
  const { origin, size, root } = opened.found;
  const holds = {
    says: `It holds: ${origin} had ${size} leaves.`,
    facts: { origin, size, root: root.toString("base64") },
  };
  if (options.older === undefined) return printVerdict(holds, options.json === true);
  // Of the older one the log's own signature is enough: witnesses may have come later.
  const older = openCheckpoint(await readFile(options.older, "utf8"), { ...policy, witnesses: [], quorum: 0 });
  if ("fault" in older) return printVerdict(faultOf(older.fault), options.json === true);
  const text = options.consistency === undefined ? '{"hashes":[]}' : await readFile(options.consistency, "utf8");
  const proof = Consistency.safeParse(parsed(text));
  const fault = proof.success ? findGrowthFault(older.found, opened.found, proof.data.hashes) : "MALFORMED";
  const lostFrom = size < older.found.size ? size : undefined; // of a tree that did not shrink roots do not tell where
  printVerdict(fault === null ? holds : faultOf(fault, lostFrom), options.json === true);
}

/** The policy that these options name. */
export async function policyOf({ logKey, witness, quorum }: LogOptions): Promise<LogPolicy> {
  const witnesses = await Promise.all(witness.map(keyText));
  return readPolicy({ log: await keyText(logKey), witnesses, quorum: quorum ?? null });
}

async function keyText(place: string): Promise<string> {
  return VERIFIER_KEY.test(place) ? place : (await readFile(place, "utf8")).trim();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // of no shape that is looked for, so the check says that it is another
  }
}

function faultOf(reason: string, index?: number): Fault {
  return { reason, differences: [], index };
}

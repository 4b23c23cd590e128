import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { readSigned } from "../../identity/platform-signatures/service.js";
import { present } from "../../kernel/assert.js";
import { leafHash, sha256Hex } from "../../kernel/digest.js";
import { decimalText, scaleOf } from "../../kernel/money.js";
import { fsck } from "../../operations/fsck/service.js";
import type { App } from "../../platform/app.js";
import { verifyStatement } from "../../settlement/statements/service.js";
import { partnerOf } from "../../tenancy/service.js";
import { openProof, readPolicy } from "../../transparency/proofs/service.js";
import type { PostedBatch } from "../partner/submission.js";
import type { Session } from "../partner-client.js";
import type { ControlSums, ControlTotals } from "./control.js";
import { operatorOf } from "./setup.js";
import type { Cast } from "./state.js";

/** One thing that was verified: what, how many of them, and what is wrong with those that are. */
export interface Finding {
  readonly what: string;
  readonly count: number;
  readonly faults: readonly string[];
}

/** A demo partner after its history was settled. */
export interface Played {
  readonly partnerId: string;
  readonly control: ControlTotals;
  readonly sent: readonly PostedBatch[];
  /** Ids of the statements that settling answered. */
  readonly statementIds: readonly string[];
  /** The partner's own session, which may read what is its own. */
  readonly session: Session;
}

const PROOF_MS_MAX = 60_000;
const PROOF_POLL_MS = 500;
const STATEMENTS_PAGE = 500; // thirty days are at most thirty-one
const RECEIPT_TYPE = "quittance-receipt+jws";

const StatementsAnswer = z.object({
  statements: z.object({ edges: z.array(z.object({ node: z.object({ id: z.string(), jws: z.string() }) })) }),
});
const Proof = z.object({ file: z.string(), leafHash: z.string() });
const LogAnswer = z.object({ log: z.object({ verifierKey: z.string() }) });
const ProofAnswer = z.object({ batch: z.object({ inclusionProof: Proof.nullable() }) });
const Receipt = z.object({ batch: z.string(), payloadSha256: z.string(), leafHash: z.string() });

const STATEMENTS = "query Statements($first: Int!) { statements(first: $first) { edges { node { id jws } } } }";
const PROOF = `query Proof($id: ID!) {
  batch(id: $id) { inclusionProof { file leafHash } }
}`;
const LOG = "{ log { verifierKey } }";

/** The platform's public keys, as anybody gets them. */
export async function fetchJwks(url: string): Promise<unknown> {
  const response = await fetch(`${url}/.well-known/jwks.json`);
  if (!response.ok) throw new Error(`The public keys cannot be had: ${url} answers ${response.status}.`);
  return response.json();
}

/** Every statement as its partner reads it: signed by the platform, and every amount computed again from its terms. */
export async function checkStatements(jwks: unknown, played: readonly Played[]): Promise<Finding> {
  const faults: string[] = [];
  let count = 0;
  for (const { session, statementIds } of played) {
    const { statements } = await session.graphql(StatementsAnswer, STATEMENTS, { first: STATEMENTS_PAGE });
    const read = new Map(statements.edges.map(({ node }) => [node.id, node.jws]));
    count += read.size;
    if (read.size !== statementIds.length) faults.push(`${read.size} of ${statementIds.length} statements are read`);
    for (const id of statementIds) {
      const fault = verifyStatement(read.get(id) ?? "", jwks);
      if (fault !== null) faults.push(`${id}: ${fault.reason} ${fault.differences.join("; ")}`);
    }
  }
  return { what: "statements: signature, and recomputed from their terms", count, faults };
}

/** Every receipt: signed by the platform, over the payload that was sent. */
export function checkReceipts(jwks: unknown, played: readonly Played[]): Finding {
  const sent = played.flatMap((partner) => partner.sent);
  const faults = sent.filter((posted) => receiptIn(posted, jwks) === null).map(({ batch }) => `receipt of ${batch.id}`);
  return { what: "receipts: signature, over the very bytes that were sent", count: sent.length, faults };
}

/** The newest batch of each partner: its acceptance is in the log, which the log's key signed. */
export async function checkInclusion(jwks: unknown, played: readonly Played[]): Promise<Finding> {
  const faults: string[] = [];
  for (const { session, sent } of played) {
    const posted = present(sent.at(-1), "a batch of the history");
    const proof = await proofOf(session, posted.batch.id);
    if (proof === null) {
      faults.push(`${posted.batch.id}: no proof within a minute`);
      continue;
    }
    const { log } = await session.graphql(LogAnswer, LOG, {});
    const opened = openProof(proof.file, readPolicy({ log: log.verifierKey, witnesses: [], quorum: null }));
    if ("fault" in opened) faults.push(`${posted.batch.id}: ${opened.fault}`);
    const leaf = "found" in opened ? leafHash(opened.found.leaf).toString("hex") : proof.leafHash;
    const isReceipted = receiptIn(posted, jwks)?.leafHash === leaf;
    if (!isReceipted) faults.push(`${posted.batch.id}: the receipt names another leaf`);
  }
  return { what: "inclusion proofs: from the receipt's leaf to a signed checkpoint", count: played.length, faults };
}

/** What the database has of each partner, kind by kind, against what was simulated. */
export async function checkTotals(app: App, cast: Cast, played: readonly Played[]): Promise<Finding> {
  const actor = await operatorOf(app, cast);
  const faults: string[] = [];
  let count = 0;
  for (const { partnerId, control } of played) {
    const { no } = await partnerOf(app, actor, partnerId);
    const [wanted, found] = [flat(control.activities), flat(await bookedSums(app, actor.tenantNo, no))];
    count += wanted.size;
    for (const name of new Set([...wanted.keys(), ...found.keys()])) {
      const [sent, booked] = [wanted.get(name) ?? "nothing", found.get(name) ?? "nothing"];
      if (sent !== booked) faults.push(`${name}: sent ${sent}, booked ${booked}`);
    }
  }
  return { what: "control totals: what was simulated is what is booked", count, faults };
}

/** The service's own check of totals, balances, statements and tree against raw rows. */
export async function checkBooks(app: App, { tenantId }: Cast): Promise<Finding> {
  const { checked, differences } = await fsck(app, { tenantId });
  const count = Object.values(checked).reduce((sum, things) => sum + things, 0);
  return {
    what: "things computed again by fsck: totals, balances, statements, the log",
    count,
    faults: differences.map((difference) => JSON.stringify(difference)),
  };
}

function receiptIn({ receipt, jws, batch }: PostedBatch, jwks: unknown): z.infer<typeof Receipt> | null {
  const read = readSigned(receipt, { jwks, typ: RECEIPT_TYPE });
  const { data } = Receipt.safeParse("payload" in read ? read.payload : null);
  const [, payload = ""] = jws.split(".");
  const isOfBatch = data?.batch === batch.id && data.payloadSha256 === sha256Hex(Buffer.from(payload, "base64url"));
  return isOfBatch ? data : null;
}

async function proofOf(session: Session, id: string): Promise<z.infer<typeof Proof> | null> {
  const deadline = performance.now() + PROOF_MS_MAX;
  for (;;) {
    const { batch } = await session.graphql(ProofAnswer, PROOF, { id });
    if (batch.inclusionProof !== null || performance.now() > deadline) return batch.inclusionProof;
    await sleep(PROOF_POLL_MS);
  }
}

interface BookedRow {
  readonly kind: string;
  readonly currency: string;
  readonly count: string;
  readonly units: string;
  readonly sum: string;
}

async function bookedSums(app: App, tenantNo: number, partnerNo: number): Promise<ControlSums> {
  const rows: BookedRow[] = await app.database.query(
    `select kind, currency, sum(count) as count, sum(units) as units, sum(sum_minor) as sum from activity_total
     where tenant_no = ? and partner_no = ? group by kind, currency`,
    [tenantNo, partnerNo],
  );
  const sums: Record<string, Record<string, ControlSums[string][string]>> = {};
  for (const { kind, currency, count, units, sum } of rows) {
    const amount = decimalText(BigInt(sum), scaleOf(currency));
    sums[kind] = { ...sums[kind], [currency]: { count: Number(count), units: Number(units), amount } };
  }
  return sums;
}

function flat(sums: ControlSums): Map<string, string> {
  return new Map(
    Object.entries(sums).flatMap(([kind, currencies]) =>
      Object.entries(currencies).map(
        ([currency, { count, units, amount }]) =>
          [`${kind} ${currency}`, `${count} (${units} units) ${amount}`] as const,
      ),
    ),
  );
}

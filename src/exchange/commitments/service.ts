import { present } from "../../kernel/assert.js";
import { leafHash } from "../../kernel/digest.js";
import { EMPTY_FRONTIER, extendFrontier, frontierRoot, inclusionPath, type LeafRange } from "../../kernel/merkle.js";
import { commitmentOf, frontierOf } from "../../periods/commitments/service.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import { PeriodState, type SettlementPeriod } from "../../periods/entities.js";
import { periodsByNumber } from "../../periods/service.js";
import type { App } from "../../platform/app.js";
import type { Reader } from "../../platform/database.js";
import type { Batch } from "../entities.js";
import type { PeriodInclusionProof } from "./entities.js";
import { commitmentError } from "./errors.js";
import { type CommittedLeaf, commitmentLeaf, PeriodTree } from "./rules.js";

/** Leaves that one query reads. */
const LEAVES_MAX = 5_000;
/** A proof reads every batch of its period, so that a page of batches may not ask for those of all. */
const PROVEN_MAX = 20;

/** Proves the batches of one request, one after the other; refused (`LIMIT_EXCEEDED`) beyond the first twenty. */
export function proofsInRequest(app: App): (batches: readonly Batch[]) => Promise<PeriodInclusionProof[][]> {
  let asked = 0;
  return async (batches) => {
    asked += batches.length;
    if (asked > PROVEN_MAX) throw commitmentError("LIMIT_EXCEEDED", { max: PROVEN_MAX });
    const proofs: PeriodInclusionProof[][] = [];
    for (const batch of batches) proofs.push(await periodProofsOf(app, batch));
    return proofs;
  };
}

/**
 * Where a batch stands in the trees of the closed periods that it was posted into, each with its proof; periods that
 * still take batches have no tree to prove anything about yet.
 */
async function periodProofsOf(app: App, batch: Batch): Promise<PeriodInclusionProof[]> {
  const reader = app.database.manager;
  const { tenantNo, partnerNo } = batch;
  const entries: { period_no: number }[] = await reader.query(
    "select period_no from entry where tenant_no = ? and partner_no = ? and batch_no = ? order by no",
    [tenantNo, partnerNo, batch.no],
  );
  const periods = await periodsByNumber(
    reader,
    tenantNo,
    entries.map((entry) => entry.period_no),
  );
  const closed = [...periods.values()].filter(({ state }) => state !== PeriodState.OPEN);
  return Promise.all(closed.map((period) => proofIn(reader, batch, period)));
}

/** The tree of a period computed again from what is stored of its batches. */
export async function recomputedCommitment(reader: Reader, partner: PartnerNumbers, periodNo: number) {
  let frontier = EMPTY_FRONTIER;
  for await (const leaves of leavesOf(reader, partner, periodNo)) {
    frontier = extendFrontier(
      frontier,
      leaves.map(({ leaf }) => leafHash(leaf)),
    );
  }
  return commitmentOf(frontier);
}

/** The whole tree of a period, computed again from what is stored of its batches. */
export async function treeOfPeriod(reader: Reader, partner: PartnerNumbers, periodNo: number): Promise<PeriodTree> {
  const leaves: CommittedLeaf[] = [];
  for await (const some of leavesOf(reader, partner, periodNo)) leaves.push(...some);
  return new PeriodTree(leaves);
}

async function proofIn(reader: Reader, batch: Batch, period: SettlementPeriod): Promise<PeriodInclusionProof> {
  const partner = { tenantNo: batch.tenantNo, no: batch.partnerNo };
  const { size } = frontierOf(period);
  const { index, leaf } = await placeOf(reader, partner, period.no, batch);
  const ranges = inclusionPath(index, size).map((range) => ({ range, frontier: EMPTY_FRONTIER }));
  let [at, whole] = [0, EMPTY_FRONTIER];
  for await (const leaves of leavesOf(reader, partner, period.no)) {
    const hashes = leaves.map((each) => leafHash(each.leaf));
    for (const part of ranges) part.frontier = extendFrontier(part.frontier, within(hashes, at, part.range));
    whole = extendFrontier(whole, hashes);
    at += hashes.length;
  }
  const hashes = ranges.map(({ frontier }) => frontierRoot(frontier).toString("base64"));
  return { periodId: period.id, index, leaf, hashes, ...commitmentOf(whole) };
}

/** Those of some leaves, the first of which stands at `at`, that lie in a range. */
function within(hashes: readonly Buffer[], at: number, { begin, end }: LeafRange): readonly Buffer[] {
  return hashes.slice(Math.max(begin - at, 0), Math.max(end - at, 0));
}

async function placeOf(reader: Reader, partner: PartnerNumbers, periodNo: number, batch: Batch) {
  let at = 0;
  for await (const leaves of leavesOf(reader, partner, periodNo)) {
    const index = leaves.findIndex(({ batchId }) => batchId === batch.id);
    if (index >= 0) return { index: at + index, leaf: present(leaves[index], "a leaf that was found").leaf };
    at += leaves.length;
  }
  throw new Error(`batch ${batch.id} is not among those of its period`);
}

/** The leaves of a period in the order of its tree, page by page. */
async function* leavesOf(
  reader: Reader,
  { tenantNo, no }: PartnerNumbers,
  periodNo: number,
): AsyncGenerator<CommittedLeaf[]> {
  for (let after = "0"; ; ) {
    const rows: { no: string; id: string; payload: Buffer; outcomes: Buffer }[] = await reader.query(
      `select entry.no, batch.id, batch.payload_sha256 as payload, outcome.outcomes_sha256 as outcomes
       from entry
       join batch on batch.tenant_no = entry.tenant_no and batch.no = entry.batch_no
       join batch_outcome as outcome on outcome.tenant_no = entry.tenant_no and outcome.batch_no = entry.batch_no
       where entry.tenant_no = ? and entry.partner_no = ? and entry.period_no = ? and entry.no > ?
       order by entry.no limit ?`,
      [tenantNo, no, periodNo, after, LEAVES_MAX],
    );
    if (rows.length > 0) yield rows.map(leafOf);
    const last = rows.at(-1);
    if (last === undefined || rows.length < LEAVES_MAX) return;
    after = String(last.no);
  }
}

function leafOf(row: { readonly id: string; readonly payload: Buffer; readonly outcomes: Buffer }): CommittedLeaf {
  const hashes = { payloadSha256: row.payload.toString("hex"), outcomesSha256: row.outcomes.toString("hex") };
  return { batchId: row.id, leaf: commitmentLeaf({ batchId: row.id, ...hashes }) };
}

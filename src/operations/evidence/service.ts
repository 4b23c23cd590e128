import type { ActType } from "../../acts/entities.js";
import { leafText } from "../../acts/service.js";
import { present } from "../../kernel/assert.js";
import { leafHash, sha256 } from "../../kernel/digest.js";
import type { App } from "../../platform/app.js";
import type { Reader } from "../../platform/database.js";
import { Partner, type Tenant } from "../../tenancy/entities.js";
import { LogTree } from "../../transparency/entities.js";
import { noteFault, TreeReplay } from "../../transparency/replay/service.js";
import { Check, type Findings } from "../findings/rules.js";

const ACTS_MAX = 1_000;
const CHECKPOINTS_MAX = 500;
const TILE_HASHES = 256;
const HASH_BYTES = 32;

/** What the checks of one tenant's evidence share. */
interface Inspection {
  readonly app: App;
  readonly reader: Reader;
  readonly tenant: Tenant;
  readonly findings: Findings;
}

/**
 * Computes a tenant's evidence again from its acts: leaves, numbers, tree, tiles, and the checkpoints signed on the
 * way.
 */
export async function checkEvidence(app: App, reader: Reader, tenant: Tenant, findings: Findings): Promise<void> {
  const inspection = { app, reader, tenant, findings };
  const leaves = new LeafCheck(tenant, await partnerIds(reader, tenant), findings);
  const tree = new TreeReplay();
  const checkpoints = checkpointsOf(reader, tenant.no);
  let next = (await checkpoints.next()).value;
  for await (const acts of numberedActs(reader, tenant.no)) {
    for (const act of acts) leaves.check(act);
    let hashes = acts.map((act) => act.leafHash);
    while (next !== undefined && next.size <= tree.size + hashes.length) {
      const taken = next.size - tree.size;
      await grow(inspection, tree, hashes.slice(0, taken));
      hashes = hashes.slice(taken);
      await checkCheckpoint(inspection, tree, next);
      next = (await checkpoints.next()).value;
    }
    await grow(inspection, tree, hashes);
  }
  if (next !== undefined) {
    const subject = `checkpoint ${next.size}`;
    findings.add(Check.CHECKPOINTS, { subject, expected: `at most ${tree.size}`, found: `${next.size}` });
  }
  for await (const acts of unnumberedActs(reader, tenant.no)) for (const act of acts) leaves.check(act);
  await checkTree(inspection, tree);
  await checkSequences(inspection, leaves);
}

/** An act as it is stored. */
interface StoredAct {
  readonly no: string;
  readonly partnerNo: number;
  readonly type: ActType;
  readonly subjectId: string;
  readonly principalKind: string;
  readonly principalId: string;
  readonly requestId: string;
  readonly at: Date;
  /** Null once it was erased. */
  readonly detail: string | null;
  readonly detailSha256: Buffer;
  /** Null once it was erased. */
  readonly origin: string | null;
  readonly address: string | null;
  readonly originSha256: Buffer;
  readonly leafHash: Buffer;
  readonly treeIndex: string | null;
  readonly partnerSequence: string | null;
}

const SELECT = `select no, partner_no as partnerNo, type, subject_id as subjectId, principal_kind as principalKind,
  principal_id as principalId, request_id as requestId, at, detail, detail_sha256 as detailSha256,
  origin, address, origin_sha256 as originSha256, leaf_hash as leafHash, tree_index as treeIndex,
  partner_sequence as partnerSequence
  from act`;

async function* numberedActs(reader: Reader, tenantNo: number): AsyncGenerator<StoredAct[]> {
  for (let after = "-1"; ; ) {
    const acts: StoredAct[] = await reader.query(
      `${SELECT} where tenant_no = ? and tree_index > ? order by tree_index limit ?`,
      [tenantNo, after, ACTS_MAX],
    );
    const last = acts.at(-1);
    if (last === undefined) return;
    yield acts;
    after = present(last.treeIndex, "the index of a numbered act");
  }
}

async function* unnumberedActs(reader: Reader, tenantNo: number): AsyncGenerator<StoredAct[]> {
  for (let after = "0"; ; ) {
    const acts: StoredAct[] = await reader.query(
      `${SELECT} where tenant_no = ? and tree_index is null and no > ? order by no limit ?`,
      [tenantNo, after, ACTS_MAX],
    );
    const last = acts.at(-1);
    if (last === undefined) return;
    yield acts;
    after = last.no;
  }
}

/** Checks acts one by one, the numbered ones in the order of the tree. */
class LeafCheck {
  /** The last sequence of each partner. */
  readonly sequences = new Map<number, number>();
  #nextIndex = 0;

  constructor(
    readonly tenant: Tenant,
    readonly partners: ReadonlyMap<number, string>,
    readonly findings: Findings,
  ) {}

  check(act: StoredAct): void {
    this.findings.count("acts", 1);
    this.#checkLeaf(act);
    if (act.treeIndex === null) return;
    this.#compare(Check.TREE, `act ${act.no} index`, String(this.#nextIndex), act.treeIndex);
    this.#nextIndex = Number(act.treeIndex) + 1;
    const last = this.sequences.get(act.partnerNo) ?? 0;
    const expected = act.partnerNo === 0 ? "none" : String(last + 1);
    this.#compare(Check.SEQUENCES, `act ${act.no} sequence`, expected, act.partnerSequence ?? "none");
    if (act.partnerSequence !== null) this.sequences.set(act.partnerNo, Number(act.partnerSequence));
  }

  #checkLeaf(act: StoredAct): void {
    const subject = `act ${act.no} (${act.type} ${act.subjectId})`;
    if (act.detail !== null) {
      this.#compare(Check.ACTS, `${subject} detail`, hexOf(sha256(act.detail)), hexOf(act.detailSha256));
    }
    if (act.origin !== null) {
      this.#compare(Check.ACTS, `${subject} origin`, hexOf(sha256(act.origin)), hexOf(act.originSha256));
    }
    const { address } = act.origin === null ? { address: null } : JSON.parse(act.origin);
    this.#compare(Check.ACTS, `${subject} address`, address ?? "none", act.address ?? "none");
    const partnerId = act.partnerNo === 0 ? null : (this.partners.get(act.partnerNo) ?? "unknown");
    const leaf = leafHash(leafText({ ...act, tenantId: this.tenant.id, partnerId }));
    this.#compare(Check.ACTS, `${subject} leaf`, hexOf(leaf), hexOf(act.leafHash));
  }

  #compare(check: Check, subject: string, expected: string, found: string): void {
    if (expected !== String(found)) this.findings.add(check, { subject, expected, found: String(found) });
  }
}

/** Appends leaves and holds the tiles that changed against the stored ones, which may have grown further since. */
async function grow(
  { reader, tenant, findings }: Inspection,
  tree: TreeReplay,
  hashes: readonly Buffer[],
): Promise<void> {
  const tiles = await tree.append(hashes);
  if (tiles.length === 0) return;
  const rows: { level: number; tile_index: string; hashes: Buffer }[] = await reader.query(
    "select level, tile_index, hashes from log_tile where tenant_no = ? and (level, tile_index) in (?)",
    [tenant.no, tiles.map(({ level, index }) => [level, index])],
  );
  const stored = new Map(rows.map((row) => [`${row.level}/${row.tile_index}`, row.hashes]));
  for (const tile of tiles) {
    const name = `${tile.level}/${tile.index}`;
    const found = stored.get(name)?.subarray(0, tile.hashes.length);
    if (found?.equals(tile.hashes) === true) continue;
    const expected = hexOf(sha256(tile.hashes));
    findings.add(Check.TREE, { subject: `tile ${name}`, expected, found: found ? hexOf(sha256(found)) : "none" });
  }
}

async function checkTree({ reader, tenant, findings }: Inspection, { size, root }: TreeReplay): Promise<void> {
  const stored = await reader.findOneBy(LogTree, { tenantNo: tenant.no });
  const found = stored === null ? "none" : `${stored.size} ${hexOf(stored.root)}`;
  const expected = size === 0 && stored === null ? "none" : `${size} ${hexOf(root)}`;
  if (found !== expected) findings.add(Check.TREE, { subject: "size and root", expected, found });
  const levels: { level: number; tiles: string; bytes: string }[] = await reader.query(
    "select level, count(*) as tiles, sum(length(hashes)) as bytes from log_tile where tenant_no = ? group by level",
    [tenant.no],
  );
  const extents = new Map<string, string>();
  for (let level = 0, hashes = size; hashes > 0; level++, hashes = Math.floor(hashes / TILE_HASHES)) {
    extents.set(`level ${level}`, `${Math.ceil(hashes / TILE_HASHES)} tiles of ${hashes * HASH_BYTES} bytes`);
  }
  const foundExtents = levels.map(
    ({ level, tiles, bytes }) => [`level ${level}`, `${tiles} tiles of ${bytes} bytes`] as const,
  );
  findings.compare(Check.TREE, "tiles", extents, new Map(foundExtents));
}

interface CheckedCheckpoint {
  readonly size: number;
  readonly root: Buffer;
  readonly note: string;
}

async function* checkpointsOf(reader: Reader, tenantNo: number): AsyncGenerator<CheckedCheckpoint, undefined> {
  for (let after = 0; ; ) {
    const rows: CheckedCheckpoint[] = await reader.query(
      "select size, root, note from log_checkpoint where tenant_no = ? and size > ? order by size limit ?",
      [tenantNo, after, CHECKPOINTS_MAX],
    );
    for (const row of rows) yield { ...row, size: Number(row.size) };
    if (rows.length < CHECKPOINTS_MAX) return undefined;
    after = Number(rows.at(-1)?.size);
  }
}

async function checkCheckpoint(
  { app, tenant, findings }: Inspection,
  tree: TreeReplay,
  checkpoint: CheckedCheckpoint,
): Promise<void> {
  findings.count("checkpoints", 1);
  const subject = `checkpoint ${checkpoint.size}`;
  const [expected, found] = [hexOf(tree.root), hexOf(checkpoint.root)];
  if (expected !== found) findings.add(Check.CHECKPOINTS, { subject, expected, found });
  const fault = await noteFault(app, tenant.id, checkpoint);
  if (fault !== null) {
    findings.add(Check.CHECKPOINTS, { subject: `${subject} note`, expected: "its signed size and root", found: fault });
  }
}

async function checkSequences({ reader, tenant, findings }: Inspection, leaves: LeafCheck): Promise<void> {
  const rows: { partner_no: number; last_sequence: string }[] = await reader.query(
    "select partner_no, last_sequence from act_sequence where tenant_no = ?",
    [tenant.no],
  );
  const nameOf = (partnerNo: number) => leaves.partners.get(partnerNo) ?? String(partnerNo);
  const expected = new Map([...leaves.sequences].map(([no, last]) => [nameOf(no), String(last)]));
  const found = new Map(rows.map((row) => [nameOf(row.partner_no), String(row.last_sequence)]));
  findings.compare(Check.SEQUENCES, "last sequence of", expected, found);
}

async function partnerIds(reader: Reader, tenant: Tenant): Promise<Map<number, string>> {
  const partners = await reader.find(Partner, { select: { no: true, id: true }, where: { tenantId: tenant.id } });
  return new Map(partners.map(({ no, id }) => [no, id]));
}

function hexOf(bytes: Buffer): string {
  return bytes.toString("hex");
}

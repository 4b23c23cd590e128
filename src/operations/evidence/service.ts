import { z } from "zod";
import { ActType } from "../../acts/entities.js";
import { leafText } from "../../acts/service.js";
import { present } from "../../kernel/assert.js";
import { leafHash, sha256 } from "../../kernel/digest.js";
import type { App } from "../../platform/app.js";
import type { Reader } from "../../platform/database.js";
import { Partner, type Tenant } from "../../tenancy/entities.js";
import { anchoredCheckpoints } from "../../transparency/anchors/service.js";
import { treeSize } from "../../transparency/service.js";
import { Check, type Finding, type Findings } from "../findings/rules.js";
import { TreeCheck } from "../tree/service.js";

const ACTS_MAX = 1_000;

/**
 * Computes a tenant's evidence again from its acts: leaves, numbers, tree, tiles, and the checkpoints signed on the
 * way.
 */
export async function checkEvidence(app: App, reader: Reader, tenant: Tenant, findings: Findings): Promise<void> {
  const leaves = new LeafCheck(tenant, await partnerIds(reader, tenant), findings);
  const liveSize = () => treeSize(app.database.manager, tenant.no);
  const tree = new TreeCheck(reader, tenant, findings, { anchored: anchoredCheckpoints(app, tenant), liveSize });
  try {
    for await (const acts of numberedActs(reader, tenant.no)) {
      for (const act of acts) leaves.check(act);
      await tree.append(acts.map((act) => act.leafHash));
    }
    await tree.end();
  } finally {
    await tree.close();
  }
  for await (const acts of unnumberedActs(reader, tenant.no)) for (const act of acts) leaves.check(act);
  leaves.checkErased();
  await checkSequences(reader, tenant, leaves);
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

const Erasure = z.object({ after: z.object({ through: z.object({ at: z.iso.datetime() }) }) });
const Origin = z.object({ address: z.string().nullable() });

/** The address that an origin says; of one that is no origin, that it is not readable. */
function addressIn(origin: string | null): string {
  if (origin === null) return "none";
  const { data } = Origin.safeParse(jsonOf(origin));
  return data === undefined ? "not readable" : (data.address ?? "none");
}

/** Null for a text that is not JSON, which no act of ours has. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Checks acts one by one, the numbered ones in the order of the tree. */
class LeafCheck {
  /** The last sequence of each partner. */
  readonly sequences = new Map<number, number>();
  #nextIndex = 0;
  #youngestErased: { readonly at: Date; readonly subject: string; readonly index?: number } | null = null;
  #erasedThrough = new Date(0);

  constructor(
    readonly tenant: Tenant,
    readonly partners: ReadonlyMap<number, string>,
    readonly findings: Findings,
  ) {}

  check(act: StoredAct): void {
    this.findings.count("acts", 1);
    this.#checkLeaf(act);
    if (act.treeIndex === null) return;
    const index = this.#nextIndex;
    this.#compare(Check.TREE, { subject: `act ${act.no} index`, expected: `${index}`, found: act.treeIndex, index });
    this.#nextIndex = Number(act.treeIndex) + 1;
    const last = this.sequences.get(act.partnerNo) ?? 0;
    const expected = act.partnerNo === 0 ? "none" : String(last + 1);
    const found = act.partnerSequence ?? "none";
    this.#compare(Check.SEQUENCES, { subject: `act ${act.no} sequence`, expected, found });
    if (act.partnerSequence !== null) this.sequences.set(act.partnerNo, Number(act.partnerSequence));
  }

  #checkLeaf(act: StoredAct): void {
    const subject = `act ${act.no} (${act.type} ${act.subjectId})`;
    const index = act.treeIndex === null ? {} : { index: Number(act.treeIndex) };
    const compare = (what: string, expected: Buffer, found: Buffer) =>
      this.#compare(Check.ACTS, {
        ...{ subject: `${subject} ${what}`, expected: expected.toString("hex"), found: found.toString("hex") },
        ...index,
      });
    if (act.detail !== null) compare("detail", sha256(act.detail), act.detailSha256);
    else if (act.type !== ActType.BATCH_ACCEPTED) compare("detail", act.detailSha256, Buffer.alloc(0));
    if (act.origin !== null) compare("origin", sha256(act.origin), act.originSha256);
    else this.#noteErased(act, subject);
    if (act.type === ActType.ORIGINS_ERASED) this.#noteErasure(act.detail ?? "");
    const [expected, found] = [addressIn(act.origin), act.address ?? "none"];
    this.#compare(Check.ACTS, { subject: `${subject} address`, expected, found, ...index });
    const partnerId = act.partnerNo === 0 ? null : (this.partners.get(act.partnerNo) ?? "unknown");
    compare("leaf", leafHash(leafText({ ...act, tenantId: this.tenant.id, partnerId })), act.leafHash);
  }

  #noteErased({ at, treeIndex }: StoredAct, subject: string): void {
    if (this.#youngestErased !== null && at < this.#youngestErased.at) return;
    this.#youngestErased = { at, subject, ...(treeIndex === null ? {} : { index: Number(treeIndex) }) };
  }

  #noteErasure(detail: string): void {
    const through = Erasure.safeParse(jsonOf(detail)).data?.after.through.at;
    if (through !== undefined && new Date(through) > this.#erasedThrough) this.#erasedThrough = new Date(through);
  }

  /** Origins are gone by erasures alone, each of which is an act that says through when. Call it after all acts. */
  checkErased(): void {
    const erased = this.#youngestErased;
    if (erased === null || erased.at <= this.#erasedThrough) return;
    const { subject, at: _, ...index } = erased;
    this.findings.add(Check.ACTS, { subject: `${subject} origin`, expected: "kept", found: "none", ...index });
  }

  #compare(check: Check, finding: Finding): void {
    const found = String(finding.found); // the driver's numbers are texts, and some are not
    if (finding.expected !== found) this.findings.add(check, { ...finding, found });
  }
}

async function checkSequences(reader: Reader, tenant: Tenant, leaves: LeafCheck): Promise<void> {
  const rows: { partner_no: number; last_sequence: string }[] = await reader.query(
    "select partner_no, last_sequence from act_sequence where tenant_no = ?",
    [tenant.no],
  );
  const nameOf = (partnerNo: number) => leaves.partners.get(partnerNo) ?? String(partnerNo);
  const expected = new Map([...leaves.sequences].map(([no, last]) => [nameOf(no), String(last)]));
  const found = new Map(rows.map((row) => [nameOf(row.partner_no), String(row.last_sequence)]));
  leaves.findings.compare(Check.SEQUENCES, "last sequence of", expected, found);
}

async function partnerIds(reader: Reader, tenant: Tenant): Promise<Map<number, string>> {
  const partners = await reader.find(Partner, { select: { no: true, id: true }, where: { tenantId: tenant.id } });
  return new Map(partners.map(({ no, id }) => [no, id]));
}

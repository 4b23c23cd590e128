import { beforeEach, describe, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { present } from "../../src/kernel/assert.js";
import { leafHash } from "../../src/kernel/digest.js";
import { verifyConsistency, verifyInclusion } from "../../src/kernel/merkle.js";
import { type Checkpoint, parseCheckpoint, verifyNote } from "../../src/transparency/checkpoint.js";
import { logVerifiers } from "../../src/transparency/keys/service.js";
import { inclusionProofOf } from "../../src/transparency/proving/service.js";
import { latestCheckpoint, tileReader } from "../../src/transparency/reading/service.js";
import { noteFault, TreeReplay } from "../../src/transparency/replay/service.js";
import { signCheckpoint } from "../../src/transparency/service.js";
import { consistencyProofFromTiles } from "../../src/transparency/tiles.js";
import { testApp } from "../support/app.js";
import { growLog, numberAll } from "../support/log.js";
import { type SeededTenant, seedTenant } from "../support/seeds.js";

const app = await testApp();
let home: SeededTenant;

beforeEach(async () => {
  home = await seedTenant(app);
});

function grow(count: number, from = 0): Promise<void> {
  return growLog(app, home, count, from);
}

async function proofOf(subjectId: string) {
  return inclusionProofOf(app, home.actor, { type: ActType.BATCH_REFUSED, subjectId });
}

/** The checkpoint of a note that the tenant's key signed. */
async function opened(note: string) {
  const verdict = verifyNote(note, await verifiersOf(home));
  return present(verdict.valid ? parseCheckpoint(verdict.text) : null, "a signed checkpoint");
}

function verifiersOf({ tenant }: SeededTenant) {
  return logVerifiers(app.database.manager, tenant.no);
}

describe("the log of a tenant", () => {
  test("proves every act that a checkpoint covers, over more than one tile", async () => {
    await grow(300);
    const { note, size } = present(await signCheckpoint(app, home.tenant), "a checkpoint");
    const { root } = await opened(note);
    for (const index of [0, 1, 255, 256, 299]) {
      const proof = present(await proofOf(`s-${index}`), "a proof");
      expect(leafHash(proof.leaf).toString("hex")).toBe(proof.leafHash);
      const claim = {
        ...{ index: proof.index, size, root, leafHash: leafHash(proof.leaf) },
        proof: proof.hashes.map((hash) => Buffer.from(hash, "base64")),
      };
      expect(verifyInclusion(claim)).toBe(true);
      expect(verifyInclusion({ ...claim, index: proof.index + 1 })).toBe(false);
      expect(proof.checkpoint).toBe(note);
    }
  });

  test("proves nothing yet about an act that no checkpoint covers, and never about one that there is not", async () => {
    await grow(3);
    expect(await proofOf("s-1")).toBeNull();
    await signCheckpoint(app, home.tenant);
    await grow(1, 3);
    expect(await proofOf("s-1")).not.toBeNull();
    expect(await proofOf("s-3")).toBeNull();
    expect(await proofOf("s-9")).toBeNull();
  });

  test("is signed again only when it has grown, and each checkpoint is the beginning of the next", async () => {
    expect(await latestCheckpoint(app, home.tenant.no)).toBeNull();
    const checkpoints: Checkpoint[] = [];
    for (const count of [1, 254, 2, 256]) {
      await grow(count);
      checkpoints.push(await opened(present(await signCheckpoint(app, home.tenant), "a checkpoint").note));
      expect(await signCheckpoint(app, home.tenant)).toBeNull();
    }
    const readTile = tileReader(app.database.manager, home.tenant.no);
    for (const [index, older] of checkpoints.entries()) {
      for (const newer of checkpoints.slice(index)) {
        const proof = await consistencyProofFromTiles(readTile, { size1: older.size, size2: newer.size });
        const claim = { size1: older.size, root1: older.root, size2: newer.size, root2: newer.root, proof };
        expect(verifyConsistency(claim)).toBe(true);
        if (proof.length > 0) expect(verifyConsistency({ ...claim, root1: newer.root })).toBe(false);
      }
    }
  });

  test("is one tenant's own", async () => {
    await grow(2);
    await signCheckpoint(app, home.tenant);
    const other = await seedTenant(app);
    const act = { type: ActType.BATCH_REFUSED, subjectId: "s-1" };
    expect(await inclusionProofOf(app, other.actor, act)).toBeNull();
    await numberAll(app);
    const theirs = present(await signCheckpoint(app, other.tenant), "a checkpoint");
    expect(noteFault(theirs, await verifiersOf(other))).toBeNull();
    expect(noteFault(theirs, await verifiersOf(home))).toBe("UNKNOWN_KEY");
  });

  test("grows the same in memory, page by page", async () => {
    await grow(600);
    const rows: { hash: Buffer }[] = await app.database.query(
      "select leaf_hash as hash from act where tenant_no = ? order by tree_index",
      [home.tenant.no],
    );
    const replay = new TreeReplay();
    for (let start = 0; start < rows.length; start += 97) {
      await replay.append(rows.slice(start, start + 97).map(({ hash }) => hash));
    }
    const [tree] = await app.database.query("select size, root from log_tree where tenant_no = ?", [home.tenant.no]);
    expect([String(replay.size), replay.root]).toEqual([tree.size, tree.root]);
  });

  test("finds fault with a checkpoint whose row says something else than its note", async () => {
    await grow(2);
    const checkpoint = present(await signCheckpoint(app, home.tenant), "a checkpoint");
    expect(noteFault({ ...checkpoint, size: checkpoint.size + 1 }, await verifiersOf(home))).toBe("OTHER_TREE");
    const note = checkpoint.note.replace("\n", "\n1");
    expect(noteFault({ ...checkpoint, note }, await verifiersOf(home))).toBe("SIGNATURE_INVALID");
  });
});

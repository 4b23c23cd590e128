import { beforeAll, describe, expect, test } from "vitest";
import { type FsckReport, fsck } from "../../src/operations/fsck/service.js";
import { TreeReplay } from "../../src/transparency/replay/service.js";
import { testApp } from "../support/app.js";
import { growLog, growSigned } from "../support/log.js";
import { type SeededTenant, seedTenant } from "../support/seeds.js";

const app = await testApp();
const TABLES = ["act", "log_tree", "log_tile", "log_checkpoint"];
let home: SeededTenant;
/** Sizes of its two checkpoints. */
let [first, second] = [0, 0];

/** A log of three tiles, signed twice, and three leaves that no checkpoint covers yet. */
beforeAll(async () => {
  home = await seedTenant(app);
  first = (await growSigned(app, home, 100)).size;
  second = (await growSigned(app, home, 500, 100)).size;
  await growLog(app, home, 3, 600);
});

const LEAF = "unhex(sha2('another', 256))";

/** `{own}` finds the rows of the log; statements run in order. */
type Tampering = readonly [what: string, index: (size: number) => number, statements: readonly string[]];

describe("fsck names the first bad index of the log after", () => {
  test.each<Tampering>([
    ["an act was edited", () => 20, ["update act set type = 'X' where {own} and tree_index = 20"]],
    ["two acts were edited", () => 20, ["update act set request_id = 'X' where {own} and tree_index in (20, 300)"]],
    ["a detail was edited", () => 300, ["update act set detail = '{}' where {own} and tree_index = 300"]],
    [
      "an act was edited with its leaf hash",
      () => 301,
      [`update act set subject_id = 'X', leaf_hash = ${LEAF} where {own} and tree_index = 301`],
    ],
    ["an act was deleted", () => 20, ["delete from act where {own} and tree_index = 20"]],
    ["the first act was deleted", () => 0, ["delete from act where {own} and tree_index = 0"]],
    [
      "an act was deleted and the others moved up",
      () => 20,
      [
        "delete from act where {own} and tree_index = 20",
        "update act set tree_index = tree_index - 1 where {own} and tree_index > 20 order by tree_index",
      ],
    ],
    [
      "an act was inserted",
      () => 20,
      [
        "update act set tree_index = tree_index + 1 where {own} and tree_index >= 20 order by tree_index desc",
        insertedAt("20"),
      ],
    ],
    ["an act was appended", (size) => size, [insertedAt("(select size from log_tree where {own})")]],
    [
      "two acts were swapped",
      () => 20,
      [
        "update act set tree_index = 100000 where {own} and tree_index = 20",
        "update act set tree_index = 20 where {own} and tree_index = 400",
        "update act set tree_index = 400 where {own} and tree_index = 100000",
      ],
    ],
    ["the tail was cut", (size) => size - 10, ["delete from act where {own} order by tree_index desc limit 10"]],
    [
      "the tail was cut, and the tree with it",
      () => 512,
      [
        "delete from act where {own} and tree_index >= 512",
        "delete from log_tile where {own} and level = 0 and tile_index = 2",
        "update log_tree set size = 512 where {own}",
      ],
    ],
    ["a leaf of a tile was edited", () => 256 + 7, [tileEdit({ level: 0, tile: 1, hash: 7 })]],
    ["an upper tile was edited", () => 256, [tileEdit({ level: 1, tile: 0, hash: 1 })]],
    ["a tile was deleted", () => 256, ["delete from log_tile where {own} and level = 0 and tile_index = 1"]],
    [
      "a tile was cut",
      () => 30,
      ["update log_tile set hashes = left(hashes, 960) where {own} and level = 0 and tile_index = 0"],
    ],
    ["the tree was cut", () => 7, ["update log_tree set size = 7 where {own}"]],
  ])("%s", async (_, index, statements) => {
    const [{ size }] = await app.database.query("select size from log_tree where tenant_no = ?", [home.tenant.no]);
    const { ok, firstBadIndexes } = await tampered(statements);
    expect(ok).toBe(false);
    expect(firstBadIndexes).toEqual({ [home.tenant.id]: index(Number(size)) });
  });

  test("a leaf was edited with everything that follows from it: somewhere after the last root that holds", async () => {
    const { differences } = await tampered([
      `update log_checkpoint set root = ${LEAF} where {own} and size = ${second}`,
    ]);
    // The note says what was signed, so this row alone is wrong.
    expect(differences).toMatchObject([{ check: "CHECKPOINTS", subject: `checkpoint ${second}` }]);
    expect(differences[0]?.index).toBeUndefined();
  });

  test("a leaf was forged, and everything in the database with it: it lies between two signed roots", async () => {
    const rows: { hash: Buffer }[] = await app.database.query(
      "select leaf_hash as hash from act where tenant_no = ? order by tree_index",
      [home.tenant.no],
    );
    const hashes = rows.map(({ hash }) => hash);
    hashes[300] = hashes[301] ?? Buffer.alloc(0);
    const replay = new TreeReplay();
    const tiles = await replay.append(hashes);
    const hex = (bytes: Buffer) => `unhex('${bytes.toString("hex")}')`;
    const { differences, firstBadIndexes } = await tampered([
      `update act join act as other on other.tenant_no = act.tenant_no and other.tree_index = 301
       set act.type = other.type, act.subject_id = other.subject_id, act.request_id = other.request_id,
         act.at = other.at,
         act.detail = other.detail, act.detail_sha256 = other.detail_sha256, act.origin = other.origin,
         act.origin_sha256 = other.origin_sha256, act.leaf_hash = other.leaf_hash
       where act.{own} and act.tree_index = 300`,
      ...tiles.map(
        (tile) =>
          `insert into log_tile values (${home.tenant.no}, ${tile.level}, ${tile.index}, ${hex(tile.hashes)})
           on duplicate key update hashes = values(hashes)`,
      ),
      `update log_tree set root = ${hex(replay.root)} where {own}`,
    ]);
    expect(differences).toMatchObject([{ check: "CHECKPOINTS", subject: `checkpoint ${second}`, index: first }]);
    expect(firstBadIndexes).toEqual({ [home.tenant.id]: first });
  });

  test("nothing: there is none", async () => {
    expect(await fsck(app, { tenantId: home.tenant.id })).toMatchObject({ ok: true, firstBadIndexes: {} });
  });
});

/** An act like another one, at an index. */
function insertedAt(index: string): string {
  const copied = "tenant_no, partner_no, type, 'forged', principal_kind, principal_id, request_id, at, detail";
  return `insert into act (tenant_no, partner_no, type, subject_id, principal_kind, principal_id, request_id, at,
      detail, detail_sha256, origin, origin_sha256, leaf_hash, tree_index)
    select ${copied}, detail_sha256, origin, origin_sha256, leaf_hash, ${index} from act where {own} limit 1`;
}

function tileEdit(edit: { level: number; tile: number; hash: number; to?: string }): string {
  const { level, tile, hash, to = "repeat('x', 32)" } = edit;
  return `update log_tile set hashes = concat(left(hashes, ${hash * 32}), ${to}, substring(hashes, ${hash * 32 + 33}))
    where {own} and level = ${level} and tile_index = ${tile}`;
}

/** What fsck finds while rows are changed behind its back; they are put back as they were. */
async function tampered(statements: readonly string[]): Promise<FsckReport> {
  const { no, id: tenantId } = home.tenant;
  const own = `tenant_no = ${no}`;
  const held = new Map<string, Record<string, unknown>[]>();
  for (const table of TABLES) held.set(table, await app.database.query(`select * from ${table} where ${own}`));
  for (const statement of statements) {
    const { affectedRows } = await app.database.query(statement.replaceAll("{own}", own));
    expect(affectedRows).toBeGreaterThan(0);
  }
  try {
    return await fsck(app, { tenantId });
  } finally {
    for (const [table, rows] of held) {
      const columns = Object.keys(rows[0] ?? {});
      await app.database.query(`delete from ${table} where ${own}`);
      await app.database.query(`insert into ${table} (${columns.join(", ")}) values ?`, [
        rows.map((row) => columns.map((column) => row[column])),
      ]);
    }
  }
}

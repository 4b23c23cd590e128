import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { leafHash } from "../../src/kernel/digest.js";
import { EMPTY_FRONTIER, extendFrontier, frontierRoot } from "../../src/kernel/merkle.js";
import {
  appendLeaves,
  consistencyProofFromTiles,
  inclusionProofFromTiles,
  parseTilePath,
  rootFromTiles,
  type TileReader,
  tilePath,
  tileWidth,
} from "../../src/transparency/tiles.js";
import { ENTRIES, referenceHash, referencePath, referenceSubproof, sha256Of } from "../support/rfc6962.js";

const leaves = ENTRIES.map((entry) => leafHash(entry));

/** Tiles as a table keeps them, each in its widest form; `reads` counts what was asked of it. */
class TileStore {
  readonly tiles = new Map<string, Buffer>();
  reads = 0;
  readonly read: TileReader = (level, index, width) => {
    this.reads++;
    const hashes = this.tiles.get(`${level}/${index}`);
    if (hashes === undefined || hashes.length < width * 32) throw new Error(`no tile ${level}/${index} of ${width}`);
    return Promise.resolve(hashes);
  };

  async append(size: number, added: readonly Buffer[]): Promise<{ size: number; root: Buffer; changed: string[] }> {
    const { tiles, ...tree } = await appendLeaves(this.read, size, added);
    for (const { level, index, hashes } of tiles) this.tiles.set(`${level}/${index}`, hashes);
    return { ...tree, changed: tiles.map(({ level, index, hashes }) => `${level}/${index}:${hashes.length / 32}`) };
  }
}

async function treeOf(hashes: readonly Buffer[]): Promise<TileStore> {
  const store = new TileStore();
  await store.append(0, hashes);
  return store;
}

describe("proofs from tiles", () => {
  test("are those of RFC 6962, of trees as large as the store's or smaller", async () => {
    const store = await treeOf(leaves);
    const sizes = fc.tuple(fc.integer({ min: 1, max: ENTRIES.length }), fc.integer({ min: 1, max: ENTRIES.length }));
    await fc.assert(
      fc.asyncProperty(sizes, async ([a, b]) => {
        const [small, size] = [Math.min(a, b), Math.max(a, b)];
        expect(await rootFromTiles(store.read, size)).toEqual(referenceHash(0, size));
        const included = await inclusionProofFromTiles(store.read, { index: small - 1, size });
        expect(included).toEqual(referencePath(small - 1, 0, size));
        const consistent = await consistencyProofFromTiles(store.read, { size1: small, size2: size });
        expect(consistent).toEqual(referenceSubproof(small, [0, size], true));
      }),
    );
  });

  test("read each tile once", async () => {
    const store = await treeOf(leaves);
    store.reads = 0;
    await inclusionProofFromTiles(store.read, { index: 3, size: 399 });
    expect(store.reads).toBe(2); // the leaf's own tile and the edge
  });
});

describe("tiles", () => {
  test("appended in any portions hold RFC 6962's hashes; changed tiles are written, the edge is read", async () => {
    const portions = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 6 });
    const many = Array.from({ length: 1800 }, (_, i) => leafHash(Buffer.from(`leaf ${i}`)));
    await fc.assert(
      fc.asyncProperty(portions, async (counts) => {
        const store = new TileStore();
        let size = 0;
        let frontier = EMPTY_FRONTIER;
        for (const count of counts) {
          const added = many.slice(size, size + count);
          store.reads = 0;
          const tree = await store.append(size, added);
          frontier = extendFrontier(frontier, added);
          expect(store.reads).toBeLessThanOrEqual(4);
          expect(tree.size).toBe(size + count);
          expect(tree.root).toEqual(frontierRoot(frontier));
          expect(tree.changed.length).toBeLessThanOrEqual(Math.floor(count / 256) + 3);
          size = tree.size;
        }
        expect(await rootFromTiles(store.read, size)).toEqual(frontierRoot(frontier));
        expect([...store.tiles.values()].every((hashes) => hashes.length % 32 === 0 && hashes.length <= 8192)).toBe(
          true,
        );
      }),
      { numRuns: 40 },
    );
  });

  test("of 70,000 leaves have the widths of the specification and the root and proofs of Go's tlog", async () => {
    const store = new TileStore();
    const hashes = Array.from({ length: 70_000 }, (_, i) => leafHash(Buffer.from(`leaf ${i}`)));
    expect((await store.append(0, hashes.slice(0, 300))).root.toString("base64")).toBe(
      "56/ILTiUT8eTBUUygJHUWCMojB9zTL2sBjlnE+vUtdU=",
    );
    const tree = await store.append(300, hashes.slice(300));
    expect(tree.root.toString("base64")).toBe("2gUy/3su5W9AZxEPyWTp8ntZWflSe//z+lAap1hN6vM=");
    expect(store.tiles.size).toBe(273 + 1 + 1 + 1 + 1);
    expect(tree.changed.filter((tile) => !tile.endsWith(":256"))).toEqual(["0/273:112", "1/1:17", "2/0:1"]);
    const included = await inclusionProofFromTiles(store.read, { index: 65_999, size: 70_000 });
    expect([included.length, sha256Of(...included).toString("hex")]).toEqual([
      14,
      "e96c0ab11a1de348d7928092f63e6c5d80c8017ea5939f64b32da110f5f765d4",
    ]);
    const consistent = await consistencyProofFromTiles(store.read, { size1: 300, size2: 70_000 });
    expect([consistent.length, sha256Of(...consistent).toString("hex")]).toEqual([
      16,
      "9a5796486b9c98895a5b894a7f705058819b89e94a66441b4cf2278db4cfbe62",
    ]);
  });

  test("written by an append that was cut off before its end do not mislead the next one", async () => {
    const store = await treeOf(leaves.slice(0, 250));
    const once = await store.append(250, leaves.slice(250, 300));
    const again = await store.append(250, leaves.slice(250, 310)); // the tiles of 300 lie there, the size is still 250
    expect(once.root).toEqual(referenceHash(0, 300));
    expect(again).toEqual({ size: 310, root: referenceHash(0, 310), changed: ["0/0:256", "0/1:54", "1/0:1"] });
    expect(await rootFromTiles(store.read, 310)).toEqual(referenceHash(0, 310));
  });

  test("a stored tile that is too short is an alarm, never a proof", async () => {
    const short: TileReader = () => Promise.resolve(Buffer.alloc(31));
    await expect(inclusionProofFromTiles(short, { index: 0, size: 2 })).rejects.toThrow("tile 0/0");
    await expect(appendLeaves(short, 1, leaves.slice(1, 2))).rejects.toThrow("tile 0/0");
    await expect(appendLeaves(short, 0, [Buffer.alloc(31)])).rejects.toThrow("32 bytes");
  });

  test("appending nothing changes nothing; the empty tree has the empty root", async () => {
    const store = await treeOf(leaves.slice(0, 3));
    expect(await store.append(3, [])).toEqual({ size: 3, root: referenceHash(0, 3), changed: [] });
    expect(await new TileStore().append(0, [])).toEqual({ size: 0, root: sha256Of(), changed: [] });
  });

  test.each([
    [{ level: 0, index: 1_234_067, width: 256 }, "tile/0/x001/x234/067"],
    [{ level: 1, index: 273, width: 17 }, "tile/1/273.p/17"],
    [{ level: 2, index: 1000, width: 1 }, "tile/2/x001/000.p/1"],
    [{ level: 63, index: 0, width: 255 }, "tile/63/000.p/255"],
    [{ level: 0, index: 2 ** 53 - 1, width: 256 }, "tile/0/x009/x007/x199/x254/x740/991"],
  ])("the tile %j has the path %s, and back", (tile, text) => {
    expect(tilePath(tile)).toBe(text);
    expect(parseTilePath(text)).toEqual(tile);
  });

  test.each([
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/257",
    "tile/0/000.p/999",
    "tile/0/000.p/07",
    "tile/0/000.p/",
    "tile/64/000",
    "tile/00/000",
    "tile/0/0",
    "tile/0/x000/001",
    "tile/0/001/x234",
    "tile/0/x001",
    "tile/0/1234",
    "tile/-1/000",
    "tile/0/000/",
    "/tile/0/000",
    "tile/0/x999/x999/x999/x999/x999/999",
    "tile/entries/000",
    "tile/0/..",
    "tile/0/000\n",
  ])("%j is no tile", (text) => {
    expect(parseTilePath(text)).toBeNull();
  });

  test("a tile's width is what the tree has of it", () => {
    expect([0, 1, 2, 3].map((level) => tileWidth(70_000, { level, index: 0 }))).toEqual([256, 256, 1, 0]);
    expect([272, 273, 274].map((index) => tileWidth(70_000, { level: 0, index }))).toEqual([256, 112, 0]);
  });
});

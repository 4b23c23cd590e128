import { assert, present } from "../kernel/assert.js";
import {
  consistencyPath,
  foldRight,
  HASH_BYTES,
  inclusionPath,
  type LeafRange,
  nodeHash,
  perfectNodes,
  type TreeNode,
} from "../kernel/merkle.js";

/** Hashes of a full tile: eight levels of the tree (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;

/** Which tile: its level, its index within the level and how many hashes of it (1 to 256) a tree has. */
export interface TileCoordinates {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

/** The content of a tile after an append: all of its hashes from the first, 32 bytes each. */
export interface ChangedTile {
  readonly level: number;
  readonly index: number;
  readonly hashes: Buffer;
}

/** What an append makes: the tiles to write (new or wider than before), the new size and its root. */
export interface TreeAppend {
  readonly tiles: ChangedTile[];
  readonly size: number;
  readonly root: Buffer;
}

/** Answers at least the first `width` hashes of a stored tile; one that has grown since may answer more. */
export type TileReader = (level: number, index: number, width: number) => Promise<Buffer>;

/** `tile/<L>/<N>[.p/<W>]`, the address of a tile below the log's prefix (C2SP tlog-tiles, "Merkle Tree"). */
export function tilePath({ level, index, width }: TileCoordinates): string {
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, "0");
  const partial = width === TILE_WIDTH ? "" : `.p/${width}`;
  return `tile/${level}/${padded.replace(/\d{3}(?!$)/g, "x$&/")}${partial}`;
}

/** The coordinates that `tilePath` spells this way, or null: every tile has exactly one spelling. */
export function parseTilePath(path: string): TileCoordinates | null {
  const match = TILE_PATH.exec(path);
  if (match === null) return null;
  const [, level = "", groups = "", partial] = match;
  const tile = {
    level: Number(level),
    index: Number(groups.replace(/[x/]/g, "")),
    width: partial === undefined ? TILE_WIDTH : Number(partial),
  };
  const isPossible = Number.isSafeInteger(tile.index) && tile.width <= TILE_WIDTH;
  return isPossible && tilePath(tile) === path ? tile : null;
}

/** Which entries: a bundle has the leaves whose hashes the tile of level 0 has at the same index (C2SP tlog-tiles). */
export function parseBundlePath(path: string): Omit<TileCoordinates, "level"> | null {
  return path.startsWith(BUNDLES) ? parseTilePath(path.replace(BUNDLES, "tile/0/")) : null;
}

/** How many hashes of a tile the tree of this size has: 0 (there is no such tile) to 256. */
export function tileWidth(size: number, tile: { readonly level: number; readonly index: number }): number {
  const begin = tile.index * TILE_WIDTH;
  return Math.max(0, Math.min(TILE_WIDTH, hashesAt(tile.level, size) - begin));
}

/** The root of the tree of this size, from its tiles. */
export function rootFromTiles(readTile: TileReader, size: number): Promise<Buffer> {
  return new TiledTree(readTile, size).hashOf({ begin: 0, end: size });
}

/** The inclusion proof of a leaf in the tree of this size (RFC 6962, 2.1.1), from its tiles. */
export function inclusionProofFromTiles(
  readTile: TileReader,
  { index, size }: { readonly index: number; readonly size: number },
): Promise<Buffer[]> {
  return new TiledTree(readTile, size).hashesOf(inclusionPath(index, size));
}

/** The consistency proof between two sizes (RFC 6962, 2.1.2), from the tiles of the larger tree. */
export function consistencyProofFromTiles(
  readTile: TileReader,
  { size1, size2 }: { readonly size1: number; readonly size2: number },
): Promise<Buffer[]> {
  return new TiledTree(readTile, size2).hashesOf(consistencyPath(size1, size2));
}

/**
 * Appends leaves to the tree of this size. Reads only the right edge; writes nothing: the caller stores the tiles of
 * the answer.
 */
export async function appendLeaves(
  readTile: TileReader,
  oldSize: number,
  leafHashes: readonly Uint8Array[],
): Promise<TreeAppend> {
  const size = oldSize + leafHashes.length;
  assert(Number.isSafeInteger(size), "a tree has at most 2^53 - 1 leaves");
  const tiles: ChangedTile[] = [];
  let added = leafHashes;
  for (let level = 0; added.length > 0; level++) {
    const changed = await widenLevel(readTile, { level, count: hashesAt(level, oldSize) }, added);
    tiles.push(...changed);
    added = changed.filter(isFull).map((tile) => subtreeHash(tile.hashes));
  }
  const written = new Map(tiles.map((tile) => [tileKey(tile.level, tile.index), tile.hashes]));
  const readNew: TileReader = async (level, index, width) =>
    written.get(tileKey(level, index)) ?? (await readTile(level, index, width));
  return { tiles, size, root: await rootFromTiles(readNew, size) };
}

const BUNDLES = "tile/entries/";
const TILE_HEIGHT = 8;
const TILE_BYTES = TILE_WIDTH * HASH_BYTES;
const TILE_PATH = /^tile\/(\d|[1-5]\d|6[0-3])\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** The tree of one size, read from tiles; each tile is read once. */
class TiledTree {
  private readonly tiles = new Map<string, Promise<Buffer>>();
  private readonly readTile: TileReader;
  private readonly size: number;

  constructor(readTile: TileReader, size: number) {
    this.readTile = readTile;
    this.size = size;
  }

  hashesOf(ranges: readonly LeafRange[]): Promise<Buffer[]> {
    return Promise.all(ranges.map((range) => this.hashOf(range)));
  }

  async hashOf(range: LeafRange): Promise<Buffer> {
    return foldRight(await Promise.all(perfectNodes(range).map((node) => this.nodeHashOf(node))));
  }

  private async nodeHashOf(node: TreeNode): Promise<Buffer> {
    const level = Math.floor(node.level / TILE_HEIGHT);
    const width = 2 ** (node.level % TILE_HEIGHT); // hashes of the tile that the node covers
    const first = node.index * width;
    const hashes = await this.tileAt(level, Math.floor(first / TILE_WIDTH));
    const start = (first % TILE_WIDTH) * HASH_BYTES;
    return subtreeHash(hashes.subarray(start, start + width * HASH_BYTES));
  }

  private tileAt(level: number, index: number): Promise<Buffer> {
    const key = tileKey(level, index);
    const known =
      this.tiles.get(key) ??
      readChecked(this.readTile, {
        level,
        index,
        width: tileWidth(this.size, { level, index }),
      });
    this.tiles.set(key, known);
    return known;
  }
}

// The tiles of one level that change when hashes are added to the `count` it has.
async function widenLevel(
  readTile: TileReader,
  { level, count }: { level: number; count: number },
  added: readonly Uint8Array[],
): Promise<ChangedTile[]> {
  const index = Math.floor(count / TILE_WIDTH);
  const width = count % TILE_WIDTH;
  const edge = width === 0 ? Buffer.alloc(0) : await readChecked(readTile, { level, index, width });
  const content = Buffer.concat([edge, ...added]);
  assert(content.length === (width + added.length) * HASH_BYTES, "every hash has 32 bytes");
  const tiles: ChangedTile[] = [];
  for (let start = 0; start < content.length; start += TILE_BYTES) {
    tiles.push({
      level,
      index: index + tiles.length,
      hashes: content.subarray(start, start + TILE_BYTES),
    });
  }
  return tiles;
}

async function readChecked(readTile: TileReader, { level, index, width }: TileCoordinates): Promise<Buffer> {
  const hashes = await readTile(level, index, width);
  assert(hashes.length >= width * HASH_BYTES, `tile ${level}/${index} has the ${width} hashes of its tree`);
  return hashes.subarray(0, width * HASH_BYTES);
}

/** The root of a perfect tree from its 2^n bottom hashes. */
function subtreeHash(hashes: Buffer): Buffer {
  let row = Array.from({ length: hashes.length / HASH_BYTES }, (_, i) =>
    hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  );
  while (row.length > 1) {
    const below = row;
    row = Array.from({ length: below.length / 2 }, (_, i) =>
      nodeHash(present(below[2 * i], "the left node"), present(below[2 * i + 1], "the right node")),
    );
  }
  return Buffer.from(present(row[0], "the root of a subtree"));
}

function isFull(tile: ChangedTile): boolean {
  return tile.hashes.length === TILE_BYTES;
}

/** How many hashes a whole level of tiles has in a tree of this size: floor(size / 256^level). */
function hashesAt(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

function tileKey(level: number, index: number): string {
  return `${level}/${index}`;
}

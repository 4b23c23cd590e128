import { assert, present } from "../../kernel/assert.js";
import { emptyRoot } from "../../kernel/merkle.js";
import { type NoteVerifier, parseCheckpoint, verifyNote } from "../checkpoint.js";
import { appendLeaves, type ChangedTile } from "../tiles.js";

/** A tree grown again from its leaves in memory, whatever its size: of each level only the last tile is kept. */
export class TreeReplay {
  #size = 0;
  #root = emptyRoot();
  readonly #edges = new Map<number, ChangedTile>();

  /** Leaves so far. */
  get size(): number {
    return this.#size;
  }

  /** The root of the leaves so far. */
  get root(): Buffer {
    return this.#root;
  }

  /** Appends leaf hashes; answers the tiles that changed, whole. */
  async append(leafHashes: readonly Buffer[]): Promise<readonly ChangedTile[]> {
    if (leafHashes.length === 0) return [];
    const readTile = async (level: number, index: number) => {
      const edge = present(this.#edges.get(level), `the edge of level ${level}`);
      assert(edge.index === index, "a growing tree reads its right edge only");
      return edge.hashes;
    };
    const { tiles, size, root } = await appendLeaves(readTile, this.#size, leafHashes);
    for (const tile of tiles) this.#edges.set(tile.level, tile);
    this.#size = size;
    this.#root = root;
    return tiles;
  }
}

/** A checkpoint as it is stored. */
export interface StoredCheckpoint {
  readonly size: number;
  readonly root: Buffer;
  readonly note: string;
}

/**
 * What is wrong with a stored checkpoint's note by the keys that ever signed for the log: its signature, or that it
 * says another size or root; null when nothing is.
 */
export function noteFault({ note, size, root }: StoredCheckpoint, verifiers: readonly NoteVerifier[]): string | null {
  const verdict = verifyNote(note, verifiers);
  if (!verdict.valid) return verdict.reason;
  const stated = parseCheckpoint(verdict.text);
  const isSame = stated?.size === size && stated.root.equals(root) && verdict.names.includes(stated.origin);
  return isSame ? null : "OTHER_TREE";
}

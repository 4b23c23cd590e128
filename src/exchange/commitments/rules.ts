import { canonicalJson } from "../../kernel/canonical-json.js";
import { leafHash } from "../../kernel/digest.js";
import { emptyRoot, inclusionPath, type LeafRange, leftWidth, nodeHash } from "../../kernel/merkle.js";

/** What a period commits to of a batch that was posted into it; hashes in hexadecimal. */
export interface CommittedBatch {
  readonly batchId: string;
  readonly payloadSha256: string;
  readonly outcomesSha256: string;
}

/** The leaf's bytes: canonical JSON (RFC 8785) of the batch's id, its payload's SHA-256 and that of its outcomes. */
export function commitmentLeaf({ batchId, payloadSha256, outcomesSha256 }: CommittedBatch): string {
  return canonicalJson({ batch: batchId, outcomesSha256, payloadSha256 });
}

/** A leaf of a period's tree and the batch that it is of. */
export interface CommittedLeaf {
  readonly batchId: string;
  readonly leaf: string;
}

/** The whole tree of a period (RFC 6962), for who proves many of its batches: each subtree is hashed once. */
export class PeriodTree {
  readonly #hashes: readonly Buffer[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #subtrees = new Map<string, Buffer>();

  constructor(readonly leaves: readonly CommittedLeaf[]) {
    this.#hashes = leaves.map(({ leaf }) => leafHash(leaf));
    this.#places = new Map(leaves.map(({ batchId }, index) => [batchId, index]));
  }

  get root(): Buffer {
    return this.leaves.length === 0 ? emptyRoot() : this.#rootOf({ begin: 0, end: this.leaves.length });
  }

  /** Where a batch stands, and the hashes from its leaf's sibling to the root; null where it is not in the tree. */
  pathOf(batchId: string): { readonly index: number; readonly leaf: string; readonly hashes: Buffer[] } | null {
    const index = this.#places.get(batchId);
    const leaf = index === undefined ? undefined : this.leaves[index]?.leaf;
    if (index === undefined || leaf === undefined) return null;
    return { index, leaf, hashes: inclusionPath(index, this.leaves.length).map((range) => this.#rootOf(range)) };
  }

  #rootOf({ begin, end }: LeafRange): Buffer {
    const [only] = this.#hashes.slice(begin, begin + 1);
    if (end - begin === 1 && only !== undefined) return only;
    const name = `${begin}-${end}`;
    const known = this.#subtrees.get(name);
    if (known !== undefined) return known;
    const middle = begin + leftWidth(end - begin);
    const root = nodeHash(this.#rootOf({ begin, end: middle }), this.#rootOf({ begin: middle, end }));
    this.#subtrees.set(name, root);
    return root;
  }
}

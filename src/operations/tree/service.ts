import { sha256Hex } from "../../kernel/digest.js";
import type { Reader } from "../../platform/database.js";
import type { Tenant } from "../../tenancy/entities.js";
import { LogTree } from "../../transparency/entities.js";
import { logVerifiers } from "../../transparency/keys/service.js";
import { noteFault, TreeReplay } from "../../transparency/replay/service.js";
import { Check, type Findings } from "../findings/rules.js";

const CHECKPOINTS_MAX = 500;
const TILE_HASHES = 256;
const HASH_BYTES = 32;

/** What somebody holds of the tree at one size. */
interface Mark {
  readonly check: Check.CHECKPOINTS | Check.ANCHORS;
  readonly subject: string;
  readonly size: number;
  readonly root: Buffer;
  /** What is wrong with its note, so that it says nothing of the tree; null where nothing is. */
  readonly fault: string | null;
}

/** A checkpoint that was written down outside the database; null for a line that is none. */
type Anchored = { readonly size: number; readonly root: Buffer } | null;

/** What a tree is held against besides its own tiles. */
export interface HeldOutside {
  readonly anchored: AsyncIterable<Anchored>;
  /** Leaves of the tree by now: what is written down may be newer than what the check reads. */
  readonly liveSize: () => Promise<number>;
}

/**
 * Grows a tenant's tree again, leaf by leaf, and holds what is stored against it: tiles, size and root, the checkpoints
 * that were signed on the way, and those that were written down outside. Call `append` for all leaves, then `end`;
 * `close` in any case.
 */
export class TreeCheck {
  readonly #tree = new TreeReplay();
  /** The last size of each kind at which the roots agreed. */
  readonly #agreed = new Map<Check, number>();
  readonly #sources: readonly MarkSource[];

  constructor(
    readonly reader: Reader,
    readonly tenant: Tenant,
    readonly findings: Findings,
    readonly outside: HeldOutside,
  ) {
    this.#sources = [new MarkSource(this.#checkpoints()), new MarkSource(this.#anchors())];
  }

  /** Appends leaf hashes, and looks at each checkpoint where the tree has its size. */
  async append(leafHashes: readonly Buffer[]): Promise<void> {
    let hashes = leafHashes;
    for (let mark = await this.#takeUpTo(hashes.length); mark !== null; mark = await this.#takeUpTo(hashes.length)) {
      const taken = mark.size - this.#tree.size;
      await this.#grow(hashes.slice(0, taken));
      hashes = hashes.slice(taken);
      this.#checkMark(mark);
    }
    await this.#grow(hashes);
  }

  /** Names what is held of a larger tree than there is, and what is stored besides. */
  async end(): Promise<void> {
    const { size } = this.#tree;
    const liveSize = await this.outside.liveSize();
    for (const source of this.#sources) {
      const mark = await source.peek();
      if (mark === null || (mark.check === Check.ANCHORS && mark.size <= liveSize)) continue;
      const { check, subject, size: held, fault } = mark;
      const index = fault === null ? { index: size } : {};
      this.findings.add(check, { subject, expected: `at most ${size}`, found: String(held), ...index });
    }
    await this.#checkStored();
  }

  /** Lets go of what it reads from. */
  async close(): Promise<void> {
    for (const source of this.#sources) await source.close();
  }

  /** The next mark of the smallest size, if so many more leaves reach it. */
  async #takeUpTo(count: number): Promise<Mark | null> {
    const [one, other] = this.#sources;
    const [first, second] = [await one?.peek(), await other?.peek()];
    const isFirst = (first?.size ?? Number.POSITIVE_INFINITY) <= (second?.size ?? Number.POSITIVE_INFINITY);
    const next = isFirst ? first : second;
    if (next === null || next === undefined || next.size > this.#tree.size + count) return null;
    await (isFirst ? one : other)?.take();
    return next;
  }

  #checkMark({ check, subject, size, root, fault }: Mark): void {
    const [expected, found] = [hexOf(this.#tree.root), hexOf(root)];
    // Between the last root that agrees and the first that does not, a leaf is another.
    const index = fault === null ? { index: this.#agreed.get(check) ?? 0, before: size } : {};
    if (expected !== found) this.findings.add(check, { subject, expected, found, ...index });
    else this.#agreed.set(check, size);
    if (fault === null) return;
    this.findings.add(check, { subject: `${subject} note`, expected: "its signed size and root", found: fault });
  }

  async *#checkpoints(): AsyncGenerator<Mark, undefined> {
    const verifiers = await logVerifiers(this.reader, this.tenant.no);
    for await (const { size, root, note } of checkpointsOf(this.reader, this.tenant.no)) {
      this.findings.count("checkpoints", 1);
      const fault = noteFault({ size, root, note }, verifiers);
      yield { check: Check.CHECKPOINTS, subject: `checkpoint ${size}`, size, root, fault };
    }
  }

  async *#anchors(): AsyncGenerator<Mark, undefined> {
    let last = 0;
    for await (const anchored of this.outside.anchored) {
      this.findings.count("anchors", 1);
      if (anchored !== null && anchored.size >= last) {
        last = anchored.size;
        yield { check: Check.ANCHORS, subject: `anchor ${last}`, fault: null, ...anchored };
        continue;
      }
      const found = anchored === null ? "none that it signed" : `one of ${anchored.size}`;
      this.findings.add(Check.ANCHORS, { subject: `line after ${last}`, expected: "a later checkpoint", found });
    }
  }

  /** The tiles that change with these leaves are stored so; they may have grown further since. */
  async #grow(hashes: readonly Buffer[]): Promise<void> {
    const tiles = await this.#tree.append(hashes);
    if (tiles.length === 0) return;
    const rows: { level: number; tile_index: string; hashes: Buffer }[] = await this.reader.query(
      "select level, tile_index, hashes from log_tile where tenant_no = ? and (level, tile_index) in (?)",
      [this.tenant.no, tiles.map(({ level, index }) => [level, index])],
    );
    const stored = new Map(rows.map((row) => [`${row.level}/${row.tile_index}`, row.hashes]));
    for (const tile of tiles) {
      const name = `${tile.level}/${tile.index}`;
      const found = stored.get(name)?.subarray(0, tile.hashes.length);
      if (found?.equals(tile.hashes) === true) continue;
      const [expected, read] = [sha256Hex(tile.hashes), found === undefined ? "none" : sha256Hex(found)];
      const first = tile.index * TILE_HASHES + firstDifference(tile.hashes, found ?? Buffer.alloc(0));
      const leaves = TILE_HASHES ** tile.level; // below each hash
      const place = { index: first * leaves, ...(tile.level === 0 ? {} : { before: (first + 1) * leaves }) };
      this.findings.add(Check.TREE, { subject: `tile ${name}`, expected, found: read, ...place });
    }
  }

  async #checkStored(): Promise<void> {
    const { reader, tenant, findings } = this;
    const { size, root } = this.#tree;
    const stored = await reader.findOneBy(LogTree, { tenantNo: tenant.no });
    const found = stored === null ? "none" : `${stored.size} ${hexOf(stored.root)}`;
    const expected = size === 0 && stored === null ? "none" : `${size} ${hexOf(root)}`;
    if (found !== expected) {
      const storedSize = Number(stored?.size ?? 0);
      const isCut = storedSize !== size;
      const subject = "size and root";
      findings.add(Check.TREE, {
        ...{ subject, expected, found },
        ...(isCut ? { index: Math.min(size, storedSize) } : {}),
      });
    }
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
}

/** Marks one after the other, of which the next can be seen before it is taken. */
class MarkSource {
  #next: Promise<IteratorResult<Mark, undefined>> | null = null;

  constructor(readonly marks: AsyncGenerator<Mark, undefined>) {}

  async peek(): Promise<Mark | null> {
    this.#next ??= this.marks.next();
    const { done, value } = await this.#next;
    return done === true ? null : (value ?? null);
  }

  async take(): Promise<void> {
    await this.peek();
    this.#next = this.marks.next();
  }

  async close(): Promise<void> {
    await this.marks.return(undefined);
  }
}

interface StoredCheckpoint {
  readonly size: number;
  readonly root: Buffer;
  readonly note: string;
}

async function* checkpointsOf(reader: Reader, tenantNo: number): AsyncGenerator<StoredCheckpoint> {
  for (let after = 0; ; ) {
    const rows: StoredCheckpoint[] = await reader.query(
      "select size, root, note from log_checkpoint where tenant_no = ? and size > ? order by size limit ?",
      [tenantNo, after, CHECKPOINTS_MAX],
    );
    for (const row of rows) yield { ...row, size: Number(row.size) };
    if (rows.length < CHECKPOINTS_MAX) return;
    after = Number(rows.at(-1)?.size);
  }
}

/** The place of the first hash that is not the same. */
function firstDifference(expected: Buffer, found: Buffer): number {
  let at = 0;
  const hashAt = (bytes: Buffer) => bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
  while (at * HASH_BYTES < expected.length && hashAt(expected).equals(hashAt(found))) at += 1;
  return at;
}

function hexOf(bytes: Buffer): string {
  return bytes.toString("hex");
}

/** What a check compares; a report has at most one difference of each a tenant, the first that was met. */
export enum Check {
  /** Every entry sums to zero in each currency; entries are numbered from 1 without a gap. */
  ENTRIES = "ENTRIES",
  /** An account's balance is the sum of its entry lines. */
  BALANCES = "BALANCES",
  /** A period's totals are the sums of its transactions. */
  TOTALS = "TOTALS",
  /** What postings left on the accounts is what the totals come to, kind by kind. */
  ACTIVITY = "ACTIVITY",
  /** A lot of credit is the sum of its moves; CREDIT, DRAWN and CREDIT_DISCOUNT are the sums of the lots. */
  CREDIT = "CREDIT",
  /** A batch is what its envelope and outcomes say, and its items have their transactions. */
  BATCHES = "BATCHES",
  /** A batch stands where its last act left it, and its row says what acts said when it was accepted and posted. */
  STATES = "STATES",
  /** What stays of removed batches is what their removals left: ids as hashes, and how many a period lost. */
  REMOVALS = "REMOVALS",
  /** Each rollback holds its original, so that no second one is posted, and nothing else does. */
  REVERSALS = "REVERSALS",
  /** A document has the SHA-256 that is stored beside it, and the act that made it says the same. */
  DIGESTS = "DIGESTS",
  /** A statement follows from its terms, takes on the one before, and the last one's closing is the position. */
  STATEMENTS = "STATEMENTS",
  /** A closed period's tree is that of the batches posted into it, and what its statements state. */
  COMMITMENTS = "COMMITMENTS",
  /** PAYABLE is what statements released less what was paid, set off and collected, and entries say what those do. */
  PAYOUTS = "PAYOUTS",
  /** An act's leaf is the hash of what the act says. */
  ACTS = "ACTS",
  /** A partner's acts are numbered from 1 without a gap. */
  SEQUENCES = "SEQUENCES",
  /** The tree and its tiles are what the leaves come to. */
  TREE = "TREE",
  /** A checkpoint is the signed root of a beginning of the tree. */
  CHECKPOINTS = "CHECKPOINTS",
  /** What was written down outside the database is a beginning of the tree. */
  ANCHORS = "ANCHORS",
  /** A copy in Redis says what the database says at the same version. */
  COPIES = "COPIES",
}

/** Something that is not as it is computed again. */
export interface Difference {
  readonly check: Check;
  /** Id of the tenant. */
  readonly tenant: string;
  /** What differs: an id, an account, a place. */
  readonly subject: string;
  readonly expected: string;
  readonly found: string;
  /** The first index of the log that is bad; with `before`, where only roots can be compared, it lies from here. */
  readonly index?: number;
  /** The first bad index is below this one. */
  readonly before?: number;
}

/** A difference without its check and tenant. */
export type Finding = Pick<Difference, "subject" | "expected" | "found" | "index" | "before">;

/** What a tenant's checks looked at and found: the first difference of each check. */
export class Findings {
  readonly checked = new Map<string, number>();
  readonly #differences = new Map<Check, Difference>();

  constructor(readonly tenant: string) {}

  /** Adds to the number of things looked at. */
  count(noun: string, things: number): void {
    this.checked.set(noun, (this.checked.get(noun) ?? 0) + things);
  }

  /** Keeps a difference unless there is one of its check already. */
  add(check: Check, finding: Finding): void {
    if (!this.#differences.has(check)) this.#differences.set(check, { check, tenant: this.tenant, ...finding });
  }

  /** Compares values by name; what one side lacks reads `nothing`. */
  compare(check: Check, subject: string, expected: Texts, found: Texts): void {
    for (const name of new Set([...expected.keys(), ...found.keys()])) {
      const [left, right] = [expected.get(name) ?? "nothing", found.get(name) ?? "nothing"];
      if (left === right) continue;
      this.add(check, { subject: `${subject} ${name}`.trim(), expected: left, found: right });
      return;
    }
  }

  /** The first bad index of the log, as closely as the differences tell it; null where they tell of none. */
  get firstBadIndex(): number | null {
    const named = this.differences.flatMap(({ index, before }) => (index === undefined ? [] : [{ index, before }]));
    const exact = Math.min(...named.flatMap(({ index, before }) => (before === undefined ? [index] : [])));
    // A root that was wrong before the first leaf that is known to be.
    const earlier = named.flatMap(({ index, before = 0 }) => (before > 0 && before <= exact ? [index] : []));
    const first = Math.min(exact, ...earlier);
    return Number.isFinite(first) ? first : null;
  }

  /** The differences, in the order of the checks. */
  get differences(): Difference[] {
    return Object.values(Check).flatMap((check) => this.#differences.get(check) ?? []);
  }
}

/** Values by name. */
export type Texts = ReadonlyMap<string, string>;

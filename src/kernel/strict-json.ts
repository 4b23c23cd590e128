/** Why a text is not JSON that we accept. */
export type StrictJsonReason = "MALFORMED" | "DUPLICATE_KEY" | "TOO_DEEP";

/** A text that `parseStrictJson` refuses; `path` is a JSON pointer (RFC 6901), empty where the fault has no place. */
export class StrictJsonFault extends Error {
  override readonly name = "StrictJsonFault";
  readonly reason: StrictJsonReason;
  readonly path: string;

  constructor(reason: StrictJsonReason, path: string) {
    super(`${reason} at "${path}"`);
    this.reason = reason;
    this.path = path;
  }
}

const DEPTH_MAX = 32;

/**
 * Parses JSON (RFC 8259) as `JSON.parse` does, but refuses a member name that occurs twice in one object (compared
 * after unescaping) and more than 32 levels. A member called `__proto__` is plain data. Throws `StrictJsonFault`: the
 * first duplicate or excess level in reading order, else `MALFORMED`.
 */
export function parseStrictJson(text: string): unknown {
  new KeyScanner(text).scan(); // first, so that no hostile nesting is ever built
  try {
    return JSON.parse(text);
  } catch {
    throw new StrictJsonFault("MALFORMED", "");
  }
}

// Names of one object are compared pairwise up to this many and while no two hashes meet, then kept in a Set: cheap for
// small objects, linear for huge ones and for names that were made to collide.
const PAIRWISE_MAX = 32;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** What is known of one open object or array; reused for the next one at the same depth. */
class Level {
  isObject = false;
  count = 0; // names read in an object, commas in an array
  nameStart = 0;
  nameEnd = 0;
  names: Set<string> | undefined;
  readonly hashes = new Int32Array(PAIRWISE_MAX);
  readonly starts = new Int32Array(PAIRWISE_MAX);
  readonly ends = new Int32Array(PAIRWISE_MAX);
}

// Looks only at strings, commas and brackets and trusts the rest: a malformed text that it misreads, JSON.parse refuses
// afterwards.
class KeyScanner {
  private readonly text: string;
  private readonly levels: Level[] = [];
  private depth = 0;
  private current = new Level();
  private expectsName = false;
  private hash = 0;

  constructor(text: string) {
    this.text = text;
  }

  scan(): void {
    const { text } = this;
    for (let at = 0; at < text.length; at++) {
      switch (text.charCodeAt(at)) {
        case QUOTE:
          at = this.expectsName ? this.readName(at + 1) : endOfString(text, at + 1);
          break;
        case COMMA:
          if (this.current.isObject) this.expectsName = true;
          else this.current.count++;
          break;
        case OPEN_OBJECT:
          this.open(true);
          break;
        case OPEN_ARRAY:
          this.open(false);
          break;
        case CLOSE_OBJECT:
        case CLOSE_ARRAY:
          if (this.depth <= 1) return; // the root ends
          this.close();
          break;
        default: // part of a number, a literal or white space
      }
    }
  }

  private open(isObject: boolean): void {
    if (this.depth === DEPTH_MAX) throw new StrictJsonFault("TOO_DEEP", this.path());
    const level = this.levels[this.depth] ?? new Level();
    this.levels[this.depth] = level;
    level.isObject = isObject;
    level.count = 0;
    level.nameStart = 0;
    level.nameEnd = 0;
    level.names = undefined;
    this.depth++;
    this.current = level;
    this.expectsName = isObject;
  }

  private close(): void {
    this.depth--;
    this.current = this.levels[this.depth - 1] ?? this.current;
    this.expectsName = false;
  }

  // Returns the place of the closing quote, as endOfString does.
  private readName(start: number): number {
    const end = this.hashName(start);
    const level = this.current;
    level.nameStart = start;
    level.nameEnd = end;
    const isPairwise = level.names === undefined && level.count < PAIRWISE_MAX;
    if (!isPairwise || !this.takesPairwise(level)) this.compareInSet(level);
    level.count++;
    this.expectsName = false;
    return end;
  }

  // Hashes the name as it reads unescaped, so that both spellings of a name meet.
  private hashName(start: number): number {
    const { text } = this;
    let hash = 0;
    for (let at = start; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.hash = hash;
        return at;
      }
      if (code === BACKSLASH) {
        const end = endOfString(text, at);
        this.hash = hashOf(this.nameBetween(start, end));
        return end;
      }
      hash = (Math.imul(hash, 31) + code) | 0;
    }
    return text.length;
  }

  // Whether the hash is new to the level; where it is not, the names themselves decide.
  private takesPairwise(level: Level): boolean {
    const { hash } = this;
    for (let i = 0; i < level.count; i++) {
      if (level.hashes[i] === hash) return false;
    }
    level.hashes[level.count] = hash;
    level.starts[level.count] = level.nameStart;
    level.ends[level.count] = level.nameEnd;
    return true;
  }

  private compareInSet(level: Level): void {
    level.names ??= new Set(Array.from({ length: level.count }, (_, i) => this.nameAt(level, i)));
    const name = this.nameBetween(level.nameStart, level.nameEnd);
    if (level.names.has(name)) throw new StrictJsonFault("DUPLICATE_KEY", this.path());
    level.names.add(name);
  }

  private nameAt(level: Level, i: number): string {
    return this.nameBetween(level.starts[i] ?? 0, level.ends[i] ?? 0);
  }

  private nameBetween(start: number, end: number): string {
    const raw = this.text.slice(start, end);
    return raw.includes("\\") ? unescaped(raw) : raw;
  }

  private path(): string {
    const parts = this.levels.slice(0, this.depth).map((level) => {
      if (!level.isObject) return `/${level.count}`;
      return `/${this.nameBetween(level.nameStart, level.nameEnd).replaceAll("~", "~0").replaceAll("/", "~1")}`;
    });
    return parts.join("");
  }
}

function endOfString(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}

function hashOf(name: string): number {
  let hash = 0;
  for (let at = 0; at < name.length; at++) hash = (Math.imul(hash, 31) + name.charCodeAt(at)) | 0;
  return hash;
}

function unescaped(raw: string): string {
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    return raw; // a malformed name: JSON.parse of the whole text refuses it
  }
}

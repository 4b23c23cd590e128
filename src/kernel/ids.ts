import { randomFillSync } from "node:crypto";
import type { Clock } from "./clock.js";

/** The nouns that have an id, by the three letters it starts with. */
export const ID_PREFIXES = {
  tenant: "tnt",
  partner: "ptn",
  brand: "brd",
  product: "prt",
  client: "cli",
  key: "key",
  keyRevocation: "krv",
  user: "usr",
  userSession: "ses",
  batch: "bat",
  period: "prd",
  configuration: "cfg",
  statement: "stm",
  statementReply: "rpl",
  dispute: "dsp",
  settlementRun: "run",
  simulation: "sim",
  exchangeRate: "fxr",
  setOff: "set",
  creditLot: "lot",
  gameSettings: "gms",
  payoutAccount: "pac",
  payoutFile: "pfl",
  payout: "pay",
  collection: "col",
  retentionChange: "rtn",
  threatRules: "thr",
  threatAssessment: "asm",
  threatBlock: "blk",
  request: "req",
  token: "tok",
} as const;

/** Three letters that say what an id is of. */
export type IdPrefix = (typeof ID_PREFIXES)[keyof typeof ID_PREFIXES];

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const ID_PATTERN = /^[a-z]{3}_[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** A new TypeID (typeid.org v0.3): prefix, `_`, and a UUIDv7 in 26 characters of Crockford's base 32; sorts by time. */
export function newId(prefix: IdPrefix, clock: Clock): string {
  const bytes = Buffer.from(takeRandom(16));
  bytes.writeUIntBE(clock.now().getTime(), 0, 6);
  bytes[6] = 0x70 | (bytes.readUInt8(6) & 0x0f);
  bytes[8] = 0x80 | (bytes.readUInt8(8) & 0x3f);
  return `${prefix}_${base32(bytes)}`;
}

/** Whether a text is a well-formed id of that noun; says nothing about whether the thing exists. */
export function isId(text: string, prefix: IdPrefix): boolean {
  return text.startsWith(prefix) && ID_PATTERN.test(text);
}

/** A new W3C `traceparent` (Trace Context, level 1): version 00, random trace and parent ids, sampled. */
export function newTraceparent(): string {
  return `00-${takeRandom(16).toString("hex")}-${takeRandom(8).toString("hex")}-01`;
}

/** Random bytes are drawn by the page: a system call for each id would cost more than the id. */
const page = Buffer.alloc(4096);
let taken = page.length;

function takeRandom(bytes: number): Buffer {
  if (taken + bytes > page.length) {
    randomFillSync(page);
    taken = 0;
  }
  taken += bytes;
  return page.subarray(taken - bytes, taken);
}

function base32(bytes: Buffer): string {
  let bits = 0;
  let held = 2; // 128 bits fill 26 characters of 5 bits with two zero bits in front
  let text = "";
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    held += 8;
    while (held >= 5) {
      held -= 5;
      text += ALPHABET.charAt((bits >> held) & 31);
    }
    bits &= (1 << held) - 1;
  }
  return text;
}

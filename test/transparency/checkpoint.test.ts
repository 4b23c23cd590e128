import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AssertionFailed } from "../../src/kernel/assert.js";
import { sha256 } from "../../src/kernel/digest.js";
import { newKeyPair } from "../../src/kernel/key-pairs.js";
import {
  formatCheckpoint,
  formatVerifierKey,
  NoteFault,
  noteKeyId,
  parseCheckpoint,
  parseVerifierKey,
  signNote,
  verifyNote,
} from "../../src/transparency/checkpoint.js";

// Made by golang.org/x/mod/sumdb/note from a key seed of 32 bytes 0x07, and its reader accepts ours.
const NAME = "quittance.example/log/demo";
const VERIFIER_KEY = "quittance.example/log/demo+9aede0ec+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
const GOLDEN = `quittance.example/log/demo
70000
fkO00iomjMuosSlAEwXbHIShbj7WsZhq/YIigYfwqR4=

— quittance.example/log/demo mu3g7HC2sY/P7WkzJXTJQKHj7pK9IHT7LJTVw73XE2F4Y4OE9kYLrd43GMxZgSaLI6/vFUnLfaVkO2PiA/zppI3KFgw=
`;
const CHECKPOINT = { origin: NAME, size: 70_000, root: sha256("golden root") };
const privateKey = privateKeyOf(Buffer.alloc(32, 7));
const golden = verifierOf(VERIFIER_KEY);

describe("a note made elsewhere (golang.org/x/mod/sumdb/note)", () => {
  test("is the very note that we make", () => {
    expect(signNote(formatCheckpoint(CHECKPOINT), { name: NAME, privateKey })).toBe(GOLDEN);
    expect(formatVerifierKey(NAME, createPublicKey(privateKey))).toBe(VERIFIER_KEY);
    expect(noteKeyId(NAME, createPublicKey(privateKey)).toString("hex")).toBe("9aede0ec");
  });

  test("verifies with its verifier key and reads back as a checkpoint", () => {
    const verdict = verifyNote(GOLDEN, [golden]);
    expect(verdict).toEqual({ valid: true, text: formatCheckpoint(CHECKPOINT), names: [NAME] });
    expect(parseCheckpoint(verdict.valid ? verdict.text : "")).toEqual(CHECKPOINT);
  });

  test("does not verify with any one bit changed", () => {
    const bytes = Buffer.from(GOLDEN, "utf8");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(verifyNote(damaged.toString("utf8"), [golden]).valid, `bit ${bit}`).toBe(false);
    }
  });
});

describe("notes", () => {
  const other = { name: "witness.example", privateKey: privateKeyOf(Buffer.alloc(32, 9)) };
  const otherVerifier = verifierOf(formatVerifierKey(other.name, createPublicKey(other.privateKey)));
  const text = formatCheckpoint(CHECKPOINT);
  const signatureOf = (note: string) => note.slice(note.lastIndexOf("\n\n") + 2);

  test("of any checkpoint and any key go there and back", () => {
    const origins = fc.stringMatching(/^[a-z]{1,12}\.example\/[a-zé/]{1,20}$/u);
    const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(origins, fc.maxSafeNat(), seeds, (origin, size, seed) => {
        const checkpoint = { origin, size, root: sha256(seed) };
        const key = privateKeyOf(Buffer.from(seed));
        const note = signNote(formatCheckpoint(checkpoint), { name: origin, privateKey: key });
        const verdict = verifyNote(note, [verifierOf(formatVerifierKey(origin, createPublicKey(key)))]);
        expect(verdict.valid && parseCheckpoint(verdict.text)).toEqual(checkpoint);
        expect(verifyNote(note, [golden])).toEqual({ valid: false, reason: NoteFault.UNKNOWN_KEY });
      }),
    );
  });

  test("signed by several are believed on the keys that the reader trusts", () => {
    const both = `${GOLDEN}${signatureOf(signNote(text, other))}`;
    expect(verifyNote(both, [golden])).toEqual({ valid: true, text, names: [NAME] });
    expect(verifyNote(both, [golden, otherVerifier])).toEqual({ valid: true, text, names: [NAME, other.name] });
    expect(verifyNote(both, [])).toEqual({ valid: false, reason: NoteFault.UNKNOWN_KEY });
  });

  test("with one wrong signature of a trusted key are refused whole, one of a stranger is ignored", () => {
    const wrong = `${GOLDEN}${signatureOf(signNote("another text\n", other))}`;
    expect(verifyNote(wrong, [golden, otherVerifier])).toEqual({ valid: false, reason: NoteFault.SIGNATURE_INVALID });
    expect(verifyNote(wrong, [golden]).valid).toBe(true);
  });

  test("may have empty lines and any text; the last empty line parts the signatures", () => {
    const poem = "Ognuno sta solo\n\n— not a signature\n\ned è subito sera.\n";
    expect(verifyNote(signNote(poem, other), [otherVerifier])).toEqual({
      valid: true,
      text: poem,
      names: [other.name],
    });
  });

  test.each([
    ["no signature", text],
    ["no empty line", GOLDEN.replace("\n\n", "\n")],
    ["no last newline", GOLDEN.slice(0, -1)],
    ["a hyphen for the dash", GOLDEN.replace("—", "-")],
    ["a carriage return", GOLDEN.replace("70000\n", "70000\r\n")],
    ["an empty signature", GOLDEN.replace(/ mu3g.*\n$/, " mu3g7A==\n")],
    ["another spelling of the base64", GOLDEN.replace("Fgw=\n", "Fgx=\n")],
    ["no padding", GOLDEN.replace("Fgw=\n", "Fgw\n")],
    ["a line that is no signature", `${GOLDEN}hello\n`],
    ["more than 100 signatures", GOLDEN + signatureOf(GOLDEN).repeat(100)],
    ["more than a million characters", `${"a".repeat(1_000_000)}\n${GOLDEN}`],
    ["a lone surrogate", `\uD800${GOLDEN}`],
    ["nothing", ""],
  ])("with %s are malformed", (_, note) => {
    expect(verifyNote(note, [golden])).toEqual({ valid: false, reason: NoteFault.MALFORMED });
  });

  test("that readers would refuse are never signed", () => {
    for (const bad of ["", "no newline", "tab\t\n", "\uDC00\n"])
      expect(() => signNote(bad, other)).toThrow("a note's text");
    for (const name of ["", "a b", "a+b", "a\u00a0b", "a\n"]) {
      expect(() => signNote(text, { name, privateKey })).toThrow("a key name");
    }
    const p256 = newKeyPair("ec", { namedCurve: "P-256" }).privateKey;
    expect(() => signNote(text, { name: NAME, privateKey: p256 })).toThrow("Ed25519");
  });
});

describe("a verifier key", () => {
  test.each([
    ["another key id", VERIFIER_KEY.replace("9aede0ec", "9aede0ed")],
    ["another name", VERIFIER_KEY.replace("demo", "demo2")],
    ["another type", VERIFIER_KEY.replace("+Ae", "+Be")],
    ["a short key", VERIFIER_KEY.slice(0, -4)],
    ["upper-case id", VERIFIER_KEY.replace("9aede0ec", "9AEDE0EC")],
    ["no name", VERIFIER_KEY.slice(NAME.length)],
    ["nothing", ""],
  ])("with %s is refused", (_, key) => {
    expect(parseVerifierKey(key)).toBeNull();
  });
});

describe("a checkpoint", () => {
  test("with extension lines reads, without a sound size or root it does not", () => {
    const text = formatCheckpoint(CHECKPOINT);
    expect(parseCheckpoint(`${text}an extension\n`)).toEqual(CHECKPOINT);
    const root = CHECKPOINT.root.toString("base64");
    for (const bad of [
      `${text}\n`,
      text.slice(0, -1),
      `\n1\n${root}\n`,
      `o\n01\n${root}\n`,
      `o\n-1\n${root}\n`,
      `o\n9007199254740992\n${root}\n`,
      `o\n1\n${root.slice(4)}\n`,
      `o\n1\n${root.slice(0, -1)}\n`,
      `o\n1\n`,
      "",
    ]) {
      expect(parseCheckpoint(bad), bad).toBeNull();
    }
  });

  test("that would not read back is not written", () => {
    for (const bad of [{ origin: "" }, { origin: "a\nb" }, { size: -1 }, { size: 0.5 }, { root: Buffer.alloc(31) }]) {
      expect(() => formatCheckpoint({ ...CHECKPOINT, ...bad })).toThrow(AssertionFailed);
    }
  });
});

// An Ed25519 seed in its PKCS #8 wrapping (RFC 8410).
function privateKeyOf(seed: Buffer): KeyObject {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

function verifierOf(key: string) {
  const verifier = parseVerifierKey(key);
  if (verifier === null) throw new Error("not a verifier key");
  return verifier;
}

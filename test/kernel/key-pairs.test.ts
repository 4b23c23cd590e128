import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { newKeyPair } from "../../src/kernel/key-pairs.js";

const MODULE = new URL("../../src/kernel/key-pairs.ts", import.meta.url).href;
const MADE = `
  const { newKeyPair } = await import(${JSON.stringify(MODULE)});
  for (let made = 0; made < 1_000; made++) {
    const { privateKey, publicKey } = newKeyPair("ed25519");
    for (let times = 0; times < 20; times++) privateKey.export({ format: "jwk" });
    publicKey.export({ format: "jwk" });
  }`;

test("a process that makes keys and shows them while garbage is collected goes on", async () => {
  const node = ["--max-semi-space-size=1", "--import", "tsx", "--input-type=module", "--eval", MADE];
  const stopped = { timeout: 60_000, killSignal: "SIGKILL" } as const; // SIGTERM would not be heard
  await expect(promisify(execFile)(process.execPath, node, stopped)).resolves.toEqual({ stdout: "", stderr: "" });
}, 90_000);

test.each([
  ["ed25519", {}, {}],
  ["x25519", {}, {}],
  ["ec", { namedCurve: "P-256" }, { namedCurve: "prime256v1" }],
  ["ec", { namedCurve: "P-384" }, { namedCurve: "secp384r1" }],
  ["rsa", { modulusLength: 2_048 }, { modulusLength: 2_048, publicExponent: 65_537n }],
  ["rsa", { modulusLength: 1_024, publicExponent: 3 }, { modulusLength: 1_024, publicExponent: 3n }],
] as const)("%s %o", (type, shape, details) => {
  const { privateKey, publicKey } = newKeyPair(type, shape);
  expect([privateKey.type, privateKey.asymmetricKeyType]).toEqual(["private", type]);
  expect([publicKey.type, publicKey.asymmetricKeyType]).toEqual(["public", type]);
  expect(publicKey.asymmetricKeyDetails).toEqual(details);
  const { d, p, q, dp, dq, qi, ...shared } = privateKey.export({ format: "jwk" });
  expect(publicKey.export({ format: "jwk" })).toEqual(shared);
  expect(typeof d).toBe("string");
});

import { spawnSync } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compactDecrypt, decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KeyPurpose } from "../../src/identity/entities.js";
import { revokeKey } from "../../src/identity/key-revocations/service.js";
import { signingKey } from "../../src/identity/keys/service.js";
import { registerKeys as registerClientKeys } from "../../src/identity/registrations/service.js";
import { present } from "../../src/kernel/assert.js";
import { newKeyPair } from "../../src/kernel/key-pairs.js";
import { register as registerDecrypt } from "../../src/server/commands/decrypt.js";
import { register as registerKeys } from "../../src/server/commands/keys.js";
import { register as registerSubmit } from "../../src/server/commands/submit.js";
import { register as registerVerify } from "../../src/server/commands/verify.js";
import { settle } from "../../src/settlement/runs/service.js";
import { type EncryptionPair, newPair } from "../identity/encrypting.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { type SeededClient, seedClient, seedPartner, seedTenant } from "../support/seeds.js";
import { openPlace, type Place, report, submit } from "./place.js";

const app = await testApp();
const api = await testApi(app);
const folder = mkdtempSync(join(tmpdir(), "quittance-encrypted-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string) => join(folder, name);
const DAY_MS = 86_400_000;
const yesterday = new Date(Math.floor(app.clock.now().getTime() / DAY_MS - 2) * DAY_MS + 15 * 3_600_000);

let place: Place;
let statementId: string;
let jws: string;

beforeAll(async () => {
  place = await openPlace(app, yesterday.toISOString());
  await report(app, place, [{ kind: "BET", amount: "10.00", occurredAt: yesterday.toISOString() }]);
  const through = new Date(yesterday.getTime() + DAY_MS);
  const [row] = await settle(app, place.shell, { partnerId: place.partner.id, through });
  statementId = present(row, "a statement").statementId;
  jws = (await statement(place)).data.statement.jws;
  writeFileSync(file("jwks.json"), await (await fetch(`${api.url}/.well-known/jwks.json`)).text());
});

async function statement(client: SeededClient, keyId: string | null = null) {
  const query = "query ($id: ID!, $keyId: ID) { statement(id: $id) { jws jwe(keyId: $keyId) } }";
  return api.ask({ query, variables: { id: statementId, keyId }, token: await client.token() });
}

async function download(client: SeededClient, query = ""): Promise<Response> {
  const headers = { authorization: `Bearer ${await client.token()}` };
  return fetch(`${api.url}/statements/${statementId}.jwe${query}`, { headers });
}

async function register(client: SeededClient, { publicJwk }: Pick<EncryptionPair, "publicJwk">, alg?: string) {
  const jwk = JSON.stringify({ ...publicJwk, ...(alg === undefined ? {} : { alg }) });
  const input = { clientId: client.client.id, jwk, purposes: [KeyPurpose.ENCRYPTION] };
  const [key] = await registerClientKeys(app, place.shell, input);
  return present(key, "a registered key");
}

async function opened(jwe: string, { privateKey }: Pick<EncryptionPair, "privateKey">): Promise<string> {
  return new TextDecoder().decode((await compactDecrypt(jwe, privateKey)).plaintext);
}

describe("a statement", () => {
  test("goes out encrypted for the newest key of its partner, and not at all where it has none", async () => {
    expect((await statement(place)).data.statement.jwe).toBeNull();
    expect((await download(place)).status).toBe(404);
    const [older, newer] = [newPair("P-256", "older"), newPair("P-384", "newer")];
    const { id } = await register(place, older);
    await register(place, newer);
    const { jwe } = (await statement(place)).data.statement;
    expect(decodeProtectedHeader(jwe)).toMatchObject({ kid: "newer", cty: "quittance-statement+jws", enc: "A256GCM" });
    expect(await opened(jwe, newer)).toBe(jws);
    expect(await opened((await statement(place, id)).data.statement.jwe, older)).toBe(jws);
    const response = await download(place, `?key=${id}`);
    expect(response.headers.get("content-type")).toContain("application/jose");
    expect(await opened(await response.text(), older)).toBe(jws);
    await expect(opened(jwe, older)).rejects.toThrow(/decryption/);
  });

  test.each([
    ["ECDH-ES", "P-256"],
    ["ECDH-ES", "X25519"],
    ["ECDH-ES+A256KW", "P-384"],
    ["RSA-OAEP-256", "RSA"],
  ] as const)("is encrypted by %s, as a key of %s was registered", async (alg, kind) => {
    const pair = newPair(kind, `${alg}.${kind}`.replace("+", "-"));
    const { id } = await register(place, pair, alg);
    const { jwe } = (await statement(place, id)).data.statement;
    expect(decodeProtectedHeader(jwe)).toMatchObject({ alg, kid: pair.kid });
    expect(await opened(jwe, pair)).toBe(jws);
  });

  test("is encrypted for nobody else's key, nor for one that signs or is revoked", async () => {
    const sibling = await seedPartner(app, place.home, { currencies: ["USD"] });
    const theirs = await register(sibling, newPair("P-256", "sibling"));
    const manager = await seedClient(app, place.shell, null);
    const own = present(await signingKey(app, place.tenant.id, place.key.kid), "the key that signs");
    const gone = await register(place, newPair("P-256", "gone"));
    await revokeKey(app, place.shell, { keyId: gone.id, reason: "lost" });
    const cases = [
      [place, theirs.id, "NOT_FOUND"],
      [manager, theirs.id, "NOT_FOUND"],
      [place, "key_00000000000000000000000000", "NOT_FOUND"],
      [manager, own.id, "KEY_NOT_USABLE"],
      [place, gone.id, "KEY_REVOKED"],
    ] as const;
    for (const [client, keyId, code] of cases) {
      const { data, errors } = await statement(client, keyId);
      expect(errors?.[0]?.extensions["code"]).toBe(code);
      expect(data.statement.jwe).toBeNull();
      expect((await download(client, `?key=${keyId}`)).status).not.toBe(200);
    }
    const elsewhere = await seedClient(app, (await seedTenant(app)).actor, null);
    for (const stranger of [sibling, elsewhere]) expect((await download(stranger)).status).toBe(404);
  });
});

const PYTHON = "/usr/bin/python3"; // where Debian's python3-jwcrypto is
const OPENING = `import sys, json
from jwcrypto import jwe, jwk
token = jwe.JWE()
token.deserialize(sys.stdin.read(), key=jwk.JWK(**json.load(open(sys.argv[1]))))
sys.stdout.buffer.write(token.payload)`;

describe("what else goes out to a partner", () => {
  const TYPES = { csv: "text/csv", pdf: "pdf", xlsx: "vnd.openxmlformats-officedocument.spreadsheetml.sheet" } as const;

  const pair = newPair("P-256", "files");
  let id: string;

  beforeAll(async () => {
    ({ id } = await register(place, pair));
  });

  async function get(client: SeededClient, path: string): Promise<Response> {
    const headers = { authorization: `Bearer ${await client.token()}` };
    return fetch(`${api.url}/statements/${statementId}.${path}`, { headers });
  }

  test.each(["csv", "pdf", "xlsx"] as const)(
    "a %s is the file itself, encrypted, and says what it is",
    async (format) => {
      const response = await get(place, `${format}.jwe?lang=ko&key=${id}`);
      expect(response.headers.get("content-type")).toContain("application/jose");
      expect(response.headers.get("content-language")).toBe("ko");
      expect(response.headers.get("content-disposition")).toMatch(new RegExp(`\\.${format}\\.jwe"$`));
      const jwe = await response.text();
      expect(decodeProtectedHeader(jwe)).toMatchObject({ kid: pair.kid, cty: TYPES[format], enc: "A256GCM" });
      const { plaintext } = await compactDecrypt(jwe, pair.privateKey);
      const plain = await get(place, `${format}?lang=ko`);
      expect(Buffer.from(plaintext).equals(Buffer.from(await plain.arrayBuffer()))).toBe(true);
      writeFileSync(file("private.json"), JSON.stringify(pair.privateKey.export({ format: "jwk" })));
      writeFileSync(file("file.jwe"), jwe);
      const args = [file("file.jwe"), "--key", file("private.json"), "--out", file("opened"), "--json"];
      const ran = await runCommand(registerDecrypt, "decrypt", ...args);
      expect(JSON.parse(ran.stdout)).toEqual({ file: file("opened"), cty: TYPES[format], bytes: plaintext.length });
      expect(readFileSync(file("opened")).equals(plaintext)).toBe(true);
      expect((await get(place, `${format}.jwe?lang=de&key=${id}`)).status).toBe(400);
    },
  );

  test("another library opens it", async ({ skip }) => {
    if (spawnSync(PYTHON, ["-c", "import jwcrypto"]).status !== 0) skip();
    const key = file("python.json");
    writeFileSync(key, JSON.stringify(pair.privateKey.export({ format: "jwk" })));
    const input = await (await get(place, `csv.jwe?lang=en&key=${id}`)).text();
    const { status, stdout } = spawnSync(PYTHON, ["-c", OPENING, key], { input });
    expect(status).toBe(0);
    expect(stdout.toString()).toBe(await (await get(place, "csv?lang=en")).text());
  });

  test("files are encrypted for nobody else's key", async () => {
    const sibling = await seedPartner(app, place.home, { currencies: ["USD"] });
    const theirs = await register(sibling, newPair("P-256", "sibling-files"));
    for (const format of ["csv", "pdf", "xlsx"]) {
      expect((await get(place, `${format}.jwe?key=${theirs.id}`)).status).toBe(404);
      expect((await get(sibling, `${format}.jwe?key=${theirs.id}`)).status).toBe(404);
    }
  });

  test("a receipt is the very one, encrypted for its partner alone", async () => {
    const batch = await submit(app, place, [{ kind: "BET", amount: "1.00", occurredAt: yesterday.toISOString() }]);
    const query = "query ($id: ID!, $keyId: ID) { batch(id: $id) { receipt receiptJwe(keyId: $keyId) } }";
    const ask = async (client: SeededClient, key: string) =>
      api.ask({ query, variables: { id: batch.id, keyId: key }, token: await client.token() });
    const { data } = await ask(place, id);
    expect(decodeProtectedHeader(data.batch.receiptJwe)).toMatchObject({ cty: "quittance-receipt+jws", kid: pair.kid });
    expect(await opened(data.batch.receiptJwe, pair)).toBe(data.batch.receipt);
    writeFileSync(file("receipt.jwe"), data.batch.receiptJwe);
    writeFileSync(file("private.json"), JSON.stringify(pair.privateKey.export({ format: "jwk" })));
    const verify = ["receipt", file("receipt.jwe"), "--jwks", file("jwks.json"), "--key", file("private.json")];
    expect(await runCommand(registerVerify, "verify", ...verify)).toMatchObject({ exitCode: 0, stdout: "It holds." });
    const sibling = await seedPartner(app, place.home, { currencies: ["USD"] });
    const theirs = await register(sibling, newPair("P-256", "sibling-receipts"));
    expect((await ask(place, theirs.id)).errors?.[0]?.extensions["code"]).toBe("NOT_FOUND");
  });
});

describe("the commands", () => {
  test("keygen makes keys to encrypt for, and verify reads what was encrypted for them", async () => {
    const made = await runCommand(registerKeys, "keygen", "--use", "enc", "--out", file("enc.json"), "--json");
    const { publicJwk } = JSON.parse(made.stdout);
    expect(publicJwk).toMatchObject({ use: "enc", alg: "ECDH-ES+A256KW", crv: "P-256" });
    const { id } = await register(place, { publicJwk });
    writeFileSync(file("statement.jwe"), (await statement(place, id)).data.statement.jwe);
    const verify = (...more: string[]) =>
      runCommand(registerVerify, "verify", "statement", file("statement.jwe"), "--jwks", file("jwks.json"), ...more);
    expect(await verify("--key", file("enc.json"))).toMatchObject({ exitCode: 0, stdout: "It holds." });
    await expect(verify()).rejects.toThrow(/--key/);
    const other = newKeyPair("ec", { namedCurve: "P-256" }).privateKey;
    writeFileSync(file("other.json"), JSON.stringify(other.export({ format: "jwk" })));
    expect(await verify("--key", file("other.json"), "--json")).toMatchObject({
      ...{ exitCode: 1, stdout: expect.stringContaining('"DECRYPTION"') },
    });
    writeFileSync(file("public.json"), JSON.stringify(createPublicKey(other).export({ format: "jwk" })));
    await expect(verify("--key", file("public.json"))).rejects.toThrow(/private JWK/);
  });

  test.each([
    ["enc", "EdDSA"],
    ["sig", "ECDH-ES"],
  ])("keygen makes no key of use %s for %s", async (use, alg) => {
    const words = ["keygen", "--use", use, "--alg", alg, "--out", file(`${use}.json`)];
    await expect(runCommand(registerKeys, ...words)).rejects.toThrow(/not of use/);
  });

  test("sign and submit encrypt for the tenant's key, and the same batch is one however it is sent", async () => {
    const { kid, alg, privateKey } = place.key;
    writeFileSync(file("key.json"), JSON.stringify({ ...privateKey.export({ format: "jwk" }), kid, alg }));
    const item = { id: "cli-1", kind: "BET", product: "crash", amount: "1.00", currency: "USD" };
    const transactions = [{ ...item, occurredAt: app.clock.now().toISOString() }];
    const iat = Math.floor(app.clock.now().getTime() / 1_000);
    const payload = { iss: place.partner.id, aud: place.tenant.id, jti: "cli", iat, transactions };
    writeFileSync(file("payload.json"), JSON.stringify(payload));
    const session = ["--url", api.url, "--client", place.client.id, "--key", file("key.json"), "--wait", "0", "--json"];
    const submit = async (...words: string[]) =>
      JSON.parse((await runCommand(registerSubmit, "submit", ...words, ...session)).stdout);
    expect(await submit(file("payload.json"), "--encrypt")).toMatchObject({ replayed: false });

    const query = "{ encryptionKeys { edges { node { kid publicJwk } } } }";
    const { data } = await api.ask({ query, token: await place.token() });
    const [{ node }] = data.encryptionKeys.edges;
    const theirs = ["--key", file("key.json"), "--encrypt", `${api.url}/.well-known/jwks.json`];
    const made = await runCommand(registerSubmit, "sign", file("payload.json"), ...theirs, "--encrypt-kid", node.kid);
    expect(decodeProtectedHeader(made.stdout)).toMatchObject({ kid: node.kid, cty: "quittance-batch+jws" });
    writeFileSync(file("batch.jwe"), made.stdout);
    expect(await submit(file("batch.jwe"))).toMatchObject({ replayed: true });
    const signed = await runCommand(registerSubmit, "sign", file("payload.json"), "--key", file("key.json"));
    writeFileSync(file("batch.jws"), signed.stdout);
    expect(await submit(file("batch.jws"), "--encrypt")).toMatchObject({ replayed: true });
    expect(readFileSync(file("batch.jws"), "utf8")).not.toContain(node.kid);

    writeFileSync(file("tenant.json"), node.publicJwk);
    const alone = ["sign", file("payload.json"), "--key", file("key.json"), "--encrypt", file("tenant.json")];
    expect(decodeProtectedHeader((await runCommand(registerSubmit, ...alone)).stdout).kid).toBe(node.kid);
    await expect(runCommand(registerSubmit, ...alone, "--encrypt-kid", "x")).rejects.toThrow(/no such encryption key/);
  });
});

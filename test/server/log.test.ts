import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { present } from "../../src/kernel/assert.js";
import { leafHash } from "../../src/kernel/digest.js";
import { newId } from "../../src/kernel/ids.js";
import { findInclusionFault } from "../../src/kernel/merkle.js";
import { register as registerLogCommands } from "../../src/server/commands/log.js";
import { register as registerVerify } from "../../src/server/commands/verify.js";
import { parseCheckpoint } from "../../src/transparency/checkpoint.js";
import { openCheckpoint, readPolicy } from "../../src/transparency/proofs/service.js";
import { inclusionProofFromTiles, rootFromTiles, tilePath } from "../../src/transparency/tiles.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { growLog, growSigned } from "../support/log.js";
import { type SeededClient, type SeededTenant, seedClient, seedPartner, seedTenant } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);
let home: SeededTenant;
let auditor: SeededClient;
/** Size of its one checkpoint; the tree is 5 leaves larger. */
let size: number;

beforeAll(async () => {
  home = await seedTenant(app);
  auditor = await seedClient(app, home.actor, null, ["audit:read"]);
  await growSigned(app, home, 300);
  size = (await growSigned(app, home, 300, 300)).size;
  await growLog(app, home, 5, 600);
});

describe("the log over HTTP (C2SP tlog-tiles)", () => {
  test("is verified by anybody from its checkpoint and tiles alone", async () => {
    const response = await get("checkpoint");
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
    expect(response.headers.get("cache-control")).toBe("public, max-age=1");
    const { verifierKey, origin, url } = (await ask("{ log { verifierKey origin url } }")).data.log;
    expect([origin, url]).toEqual([`quittance/${home.tenant.id}`, `${api.url}/log/${home.tenant.id}`]);
    const opened = openCheckpoint(await response.text(), readPolicy({ log: verifierKey, witnesses: [], quorum: null }));
    const { root } = present("found" in opened ? opened.found : null, "a signed checkpoint");
    expect(await rootFromTiles(readTile, size)).toEqual(root);
    const proof = await inclusionProofFromTiles(readTile, { index: 300, size });
    const [leaf = ""] = (await entries("tile/entries/001")).slice(300 - 256);
    expect(findInclusionFault({ index: 300, size, root, proof, leafHash: leafHash(leaf) })).toBeNull();
  });

  test("serves each tile that a checkpoint covers, whole or as wide as it was, to be kept for ever", async () => {
    const [whole, part] = [await get("tile/0/000"), await get("tile/0/000.p/7")];
    for (const each of [whole, part]) {
      expect(each.headers.get("content-type")).toBe("application/octet-stream");
      expect(each.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    }
    const [bytes, first] = [await bytesOf(whole), await bytesOf(part)];
    expect([bytes.length, first.length]).toEqual([8192, 7 * 32]);
    expect(bytes.subarray(0, 7 * 32)).toEqual(first);
    expect((await bytesOf(await get(`tile/0/002.p/${size - 512}`))).length).toBe((size - 512) * 32);
    expect((await fetch(`${api.url}/log/${home.tenant.id}/tile/1/000.p/2`, { method: "HEAD" })).status).toBe(200);
  });

  test.each([
    ...["tile/0/003", "tile/0/002", "tile/1/000", "tile/1/000.p/3", "tile/2/000.p/1", "tile/0/000.p/256"],
    ...["tile/0/0", "tile/0/x000/000", "tile/64/000", "tile/-1/000", "tile/0/000.p/0", "tile/", "tile", "", "tree"],
    ...["tile/0/000/", "tile/0/..%2f000", "tile/0/%00", "tile/entries", "checkpoint/", "checkpoints"],
  ])("%s is not there", async (path) => {
    const response = await get(path);
    expect(response.status).toBe(404);
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  test("tells nothing beyond the newest checkpoint, and nothing of logs that there are not", async () => {
    expect((await get(`tile/0/002.p/${size - 512 + 1}`)).status).toBe(404);
    const unknown = newId("tnt", app.clock);
    for (const id of [unknown, "tnt_", "..", "%00"]) {
      expect((await fetch(`${api.url}/log/${id}/checkpoint`)).status).toBe(404);
      expect((await fetch(`${api.url}/log/${id}/tile/0/000.p/1`)).status).toBe(404);
    }
    const fresh = await seedTenant(app);
    expect((await fetch(`${api.url}/log/${fresh.tenant.id}/checkpoint`)).status).toBe(404);
  });

  test("shows who did what to the tenant's auditors alone", async () => {
    const leaves = [
      ...(await entries("tile/entries/000")),
      ...(await entries("tile/entries/001")),
      ...(await entries(`tile/entries/002.p/${size - 512}`)),
    ];
    const tiles = [await readTile(0, 0, 256), await readTile(0, 1, 256), await readTile(0, 2, size - 512)];
    expect(Buffer.concat(leaves.map((leaf) => leafHash(leaf)))).toEqual(Buffer.concat(tiles));
    expect(JSON.parse(leaves[0] ?? "")).toMatchObject({ type: "TENANT_CREATED", tenant: home.tenant.id });
    const response = await get("tile/entries/000", { authorization: `Bearer ${await auditor.token()}` });
    expect(response.headers.get("cache-control")).toBe("private, max-age=31536000, immutable");
    const packed = await get("tile/entries/000", await signedIn({ "accept-encoding": "gzip" }));
    const plain = await get("tile/entries/000", await signedIn({ "accept-encoding": "identity" }));
    expect([packed.headers.get("content-encoding"), plain.headers.get("content-encoding")]).toEqual(["gzip", null]);
    expect(await bytesOf(packed)).toEqual(await bytesOf(plain));
    for (const path of [`tile/entries/002.p/${size - 511}`, "tile/entries/003", "tile/entries/0"]) {
      expect((await get(path, await signedIn())).status).toBe(404);
    }
  });

  test("refuses entries to everybody else", async () => {
    expect((await get("tile/entries/000")).status).toBe(401);
    const other = await seedTenant(app);
    const strangers = [
      [await seedClient(app, other.actor, null, ["audit:read"]), 404],
      [await seedPartner(app, home, { scopes: ["batches:read"] }), 403],
      [await seedClient(app, home.actor, null, ["batches:read"]), 403],
    ] as const;
    for (const [client, status] of strangers) {
      const response = await get("tile/entries/000", { authorization: `Bearer ${await client.token()}` });
      expect(response.status).toBe(status);
    }
  });
});

describe("the log by GraphQL and at the shell", () => {
  const folder = mkdtempSync(join(tmpdir(), "quittance-log-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const keep = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  test("proves that one checkpoint continues another, and refuses what no checkpoint covers", async () => {
    const older = await app.database.query(
      "select note from log_checkpoint where tenant_no = ? order by size limit 1",
      [home.tenant.no],
    );
    const from = present(parseCheckpoint(older[0].note.split("\n\n")[0].concat("\n")), "a checkpoint").size;
    const { data } = await ask(
      `{ log { verifierKey checkpoint { size note } consistencyProof(from: ${from}) { from to hashes } } }`,
    );
    const { verifierKey, checkpoint, consistencyProof } = data.log;
    expect([consistencyProof.from, consistencyProof.to, checkpoint.size]).toEqual([from, size, size]);
    const files = {
      newer: keep("newer.txt", checkpoint.note),
      older: keep("older.txt", older[0].note),
      proof: keep("consistency.json", JSON.stringify(consistencyProof)),
    };
    const verify = (...args: string[]) =>
      runCommand(registerVerify, "verify", "checkpoint", files.newer, "--log-key", verifierKey, "--json", ...args);
    const grown = await verify("--older", files.older, "--consistency", files.proof);
    expect(JSON.parse(grown.stdout)).toMatchObject({ valid: true, size, origin: `quittance/${home.tenant.id}` });
    expect(grown.exitCode).toBe(0);
    const unproven = await verify("--older", files.older);
    expect([JSON.parse(unproven.stdout), unproven.exitCode]).toEqual([{ valid: false, reason: "NOT_CONSISTENT" }, 1]);
    const shrunk = ["verify", "checkpoint", files.older, "--older", files.newer, "--log-key", verifierKey, "--json"];
    const lost = await runCommand(registerVerify, ...shrunk);
    expect(JSON.parse(lost.stdout)).toEqual({ valid: false, reason: "NOT_CONSISTENT", index: from });
    const altered = keep("altered.txt", checkpoint.note.replace(`\n${size}\n`, `\n${size + 1}\n`));
    const forged = await runCommand(registerVerify, "verify", "checkpoint", altered, "--log-key", verifierKey);
    expect([forged.stderr, forged.exitCode]).toEqual(["It does not hold: SIGNATURE_INVALID.", 1]);
    for (const sizes of [`from: ${size + 1}`, "from: -1", "from: 0.5", `from: 0, to: ${size + 1}`, "from: 9, to: 8"]) {
      const { errors } = await ask(`{ log { consistencyProof(from: ${sizes}) { to } } }`);
      expect(errors?.[0]?.extensions).toMatchObject({ code: "VALIDATION" });
    }
  });

  test("is shown at the shell", async () => {
    vi.stubEnv("QUITTANCE_MASTER_KEY", app.config.masterKey.toString("base64url"));
    onTestFinished(() => void vi.unstubAllEnvs());
    const servers = ["--database-url", app.config.databaseUrl, "--redis-url", app.config.redisUrl];
    const shown = await runCommand(
      registerLogCommands,
      "log",
      "show",
      "--tenant",
      home.tenant.id,
      "--json",
      ...servers,
    );
    const { data } = await ask("{ log { origin verifierKey checkpoint { note } anchors { name size fault } } }");
    const { origin, verifierKey, checkpoint, anchors } = data.log;
    expect(JSON.parse(shown.stdout)).toEqual({ origin, verifierKey, checkpoint: checkpoint.note, anchors });
  });
});

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${api.url}/log/${home.tenant.id}/${path}`, { headers });
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

async function readTile(level: number, index: number, width: number): Promise<Buffer> {
  return bytesOf(await get(tilePath({ level, index, width })));
}

async function signedIn(headers: Record<string, string> = {}): Promise<Record<string, string>> {
  return { ...headers, authorization: `Bearer ${await auditor.token()}` };
}

/** The leaves of a bundle, each after its length. */
async function entries(path: string): Promise<string[]> {
  const bundle = await bytesOf(await get(path, await signedIn()));
  const leaves: string[] = [];
  for (let at = 0; at < bundle.length; ) {
    const end = at + 2 + bundle.readUInt16BE(at);
    leaves.push(bundle.toString("utf8", at + 2, end));
    at = end;
  }
  return leaves;
}

async function ask(query: string) {
  return api.ask({ query, token: await auditor.token() });
}

import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { postBatches } from "../../src/exchange/posting/service.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import { present } from "../../src/kernel/assert.js";
import { later } from "../../src/kernel/clock.js";
import { newKeyPair } from "../../src/kernel/key-pairs.js";
import { childEnvironment } from "../../src/platform/config.js";
import { closeApp } from "../../src/platform/open-app.js";
import { register as registerVerify } from "../../src/server/commands/verify.js";
import { type RunningWitness, startWitness } from "../../src/server/witness.js";
import { settle } from "../../src/settlement/runs/service.js";
import { logSigner } from "../../src/transparency/keys/service.js";
import { cosignForAllTenants } from "../../src/transparency/witnesses/service.js";
import { openPlace, type Place } from "../settlement/place.js";
import { testApi } from "../support/api.js";
import { openTestApp, testApp } from "../support/app.js";
import { payloadOf, sign } from "../support/batches.js";
import { runCommand } from "../support/commands.js";
import { growSigned } from "../support/log.js";

const HOME = fileURLToPath(new URL("../..", import.meta.url));
const PAGE = readFileSync(join(HOME, "docs/partners/verify.md"), "utf8");
const BLOCKS = [...PAGE.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, script = ""]) => script);
const DAY_MS = 86_400_000;
const RUN_MS_MAX = 120_000;

const app = await testApp();
const api = await testApi(app);
const folder = mkdtempSync(join(tmpdir(), "quittance-verify-"));
const bin = join(folder, "bin");
const variables: Record<string, string> = {};
let place: Place;
let witness: RunningWitness;

/** Programs that a block of the page needs, and whether they are here. */
const TOOLS: readonly (readonly [RegExp, boolean])[] = [
  [/\bopenssl\b/, works("openssl", "version")],
  [/\bpython3\b/, pythonWithPackages() !== null],
  [/\bgo run\b/, works("go", "version") && works("ls", "/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog")],
];

/** A partner with a settled batch, whose log is signed and cosigned; what the page takes as given. */
beforeAll(async () => {
  place = await openPlace(app, later(app.clock.now(), -3 * DAY_MS).toISOString());
  const bet = { id: "b-1", kind: "BET", product: "crash", player: "p1", amount: "100.00", currency: "USD" };
  const transactions = [{ ...bet, occurredAt: later(app.clock.now(), -2 * DAY_MS).toISOString() }];
  const jws = await sign(payloadOf(app, place, { transactions }), place.key);
  const { batch } = await submitBatch(app, place.actor, { jws, waitMs: 0 });
  await postBatches(app, place.partner);
  await settle(app, place.shell, { partnerId: place.partner.id, through: app.clock.now() });
  const { verifierKey } = await logSigner(app, place.shell);
  const privateJwk = JSON.stringify(newKeyPair("ed25519").privateKey.export({ format: "jwk" }));
  const setting = { name: "witness.example/w1", privateJwk, logKeys: [verifierKey], dir: folder };
  witness = await startWitness({ ...setting, host: "127.0.0.1", port: 0 });
  await signAndCosign();
  const { data } = await ask(`{ batch(id: "${batch.id}") { periodProofs { periodId index size leaf hashes root } }
    statements(first: 9) { edges { node { id period { id } } } } }`);
  const [proof] = data.batch.periodProofs;
  const { edges } = data.statements as { edges: { node: { id: string; period: { id: string } } }[] };
  const statement = edges.find(({ node }) => node.period.id === proof.periodId)?.node.id ?? "";
  Object.assign(variables, { URL: api.url, CLIENT: place.client.id, BATCH: batch.id, STATEMENT: statement });
  keep("key.json", { ...place.key.privateKey.export({ format: "jwk" }), kid: place.key.kid, alg: place.key.alg });
  keep("batch.jws", jws);
  keep("proof.json", proof);
  keep("witness-key.txt", witness.verifierKey);
  mkdirSync(bin);
  symlinkSync(join(HOME, "docs"), join(folder, "docs"));
  symlinkSync(join(HOME, "bin/quittance"), join(bin, "quittance"));
  const python = pythonWithPackages();
  if (python !== null) symlinkSync(python, join(bin, "python3"));
});
afterAll(async () => {
  await witness.close();
  rmSync(folder, { recursive: true, force: true });
});

test("the page has commands for each of the tools that it names", () => {
  for (const tool of ["openssl", "python3", "go run", "node ", "quittance verify proof", "quittance verify batch"]) {
    expect(BLOCKS.filter((script) => script.includes(tool)).length, tool).toBeGreaterThan(0);
  }
});

test.for(BLOCKS.map((script, at) => ({ at, script, title: script.split("\n").at(-2) ?? "" })))(
  "block $at works as it stands: $title",
  { timeout: RUN_MS_MAX },
  async ({ script }, { skip }) => {
    skip(needsAbsent(script), "a program that it needs is not here");
    if (script.includes("newer.txt")) await fetchNewer();
    await expect(run(script)).resolves.toEqual(expect.any(String));
  },
);

/** What a check reads first, with something else in it. */
const ALTERED = new Map([
  ["receipt.jws", (text: string) => text.replace(/.{3}$/, "AAA")],
  ["statement.jws", (text: string) => text.replace(/\.(.{40}).{4}/, ".$1AAAA")],
  ["receipt.tlog-proof", (text: string) => text.replace(/^index \d+/m, "index 1")],
  ["statement.tlog-proof", (text: string) => text.replace(/^index \d+/m, "index 1")],
  ["checkpoint.txt", (text: string) => text.replace(/\n(\d+)\n/, "\n1$1\n")],
]);
const CHECKS = BLOCKS.flatMap((script) => script.split("\n"))
  .filter((line) =>
    /^(quittance verify (receipt|statement|proof|checkpoint)|node docs\/examples\/verify|python3) /.test(line),
  )
  .flatMap((check) => {
    const name = check.split(" ").find((word) => ALTERED.has(word));
    return name === undefined ? [] : [{ check, name }];
  });

test("each of the files that the page makes is checked, more than once on the whole", () => {
  expect(new Set(CHECKS.map(({ name }) => name))).toEqual(new Set(ALTERED.keys()));
  expect(CHECKS.length).toBeGreaterThan(8);
});

test.for(CHECKS)(
  "not content with something else: $check",
  { timeout: RUN_MS_MAX },
  async ({ check, name }, { skip }) => {
    skip(needsAbsent(check), "a program that it needs is not here");
    const whole = readFileSync(join(folder, name), "utf8");
    const alter = present(ALTERED.get(name), "how it is altered");
    expect(alter(whole)).not.toBe(whole);
    keep(name, alter(whole));
    expect(await exitCodeOf(check)).toBe(1);
    keep(name, whole);
  },
);

function needsAbsent(script: string): boolean {
  return TOOLS.some(([pattern, isHere]) => pattern.test(script) && !isHere);
}

/** Our own command is run in this process, where it starts at once. */
async function exitCodeOf(check: string): Promise<number> {
  const [program, ...words] = check.split(" ");
  const args = words.map((word) => (/\.(jws|json|txt|tlog-proof)$/.test(word) ? join(folder, word) : word));
  if (program === "quittance") return (await runCommand(registerVerify, ...args)).exitCode;
  return run(check).then(
    () => 0,
    (error: unknown) => (error instanceof Error && "code" in error ? Number(error.code) : 0),
  );
}

async function run(script: string): Promise<string> {
  const path = `${bin}:${childEnvironment({})["PATH"] ?? ""}`;
  const env = childEnvironment({ ...variables, PATH: path });
  return (await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], { cwd: folder, env })).stdout;
}

/** A later checkpoint than the page's, with the proof that it continues that one. */
async function fetchNewer(): Promise<void> {
  await signAndCosign();
  const [, from = ""] = readFileSync(join(folder, "checkpoint.txt"), "utf8").split("\n");
  const { data } = await ask(`{ log { checkpoint { note } consistencyProof(from: ${from}) { hashes } } }`);
  keep("newer.txt", data.log.checkpoint.note);
  keep("consistency.json", data.log.consistencyProof);
}

async function signAndCosign(): Promise<void> {
  await growSigned(app, place.home, 3);
  const { verifierKey, url } = witness;
  const watched = await openTestApp({ clock: app.clock, config: { witnesses: [{ verifierKey, url }] } });
  expect(await cosignForAllTenants(watched, [place.tenant])).toBe(1);
  await closeApp(watched);
}

async function ask(query: string) {
  return api.ask({ query, token: await place.token() });
}

function keep(name: string, content: unknown): void {
  writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
}

function works(program: string, ...args: string[]): boolean {
  return spawnSync(program, args).status === 0;
}

/** The one of the path, or Debian's; null where neither has the packages. */
function pythonWithPackages(): string | null {
  const found = spawnSync("sh", ["-c", "command -v python3"], { encoding: "utf8" }).stdout.trim();
  const isOne = (python: string) => python !== "" && works(python, "-c", "import jwcrypto, cryptography");
  return [found, "/usr/bin/python3"].find(isOne) ?? null;
}

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { numberActsForAllTenants } from "../src/events/relay/service.js";
import { postBatches } from "../src/exchange/posting/service.js";
import { createClient } from "../src/identity/clients/service.js";
import { present } from "../src/kernel/assert.js";
import { later } from "../src/kernel/clock.js";
import { releaseLease, tryLease } from "../src/platform/lease.js";
import { register as registerKeys } from "../src/server/commands/keys.js";
import { activateConfiguration, draftConfiguration } from "../src/settlement/configurations/service.js";
import { settle } from "../src/settlement/runs/service.js";
import { signCheckpoint } from "../src/transparency/service.js";
import { testApi } from "./support/api.js";
import { testApp } from "./support/app.js";
import { runCommand } from "./support/commands.js";
import { example } from "./support/contracts.js";
import { seedPartner, seedTenant } from "./support/seeds.js";

const HOME = fileURLToPath(new URL("..", import.meta.url));
const DOCUMENTS = [...documentsIn(".", false), ...["docs", "src"].flatMap((place) => documentsIn(place, true))];
const folder = mkdtempSync(join(tmpdir(), "quittance-documents-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const app = await testApp();
const api = await testApi(app);

test("every link in the documents leads to a file that is there, and to a heading in it", () => {
  expect(DOCUMENTS).toContain("README.md");
  const broken = DOCUMENTS.flatMap((path) => brokenLinks(path, readFileSync(join(HOME, path), "utf8")));
  expect(broken).toEqual([]);
  const wrong = "[a](nowhere.md) [b](README.md#no-such-heading) [c](#neither) [d](https://example.com/x)";
  expect(brokenLinks("README.md", wrong)).toHaveLength(3);
});

test("the examples sign, submit and verify with Node's own crypto alone, and notice what was changed", async () => {
  const { clientId, keyFile, home, partner } = await openPartner();
  const submitted = runExample("first-batch.mjs", api.url, clientId, keyFile);
  const answer = JSON.parse(await postingMeanwhile(submitted, partner));
  expect(answer.batch).toMatchObject({ state: "POSTED", postedCount: 2, refusedCount: 0 });

  const keys = keptFile("jwks.json", await (await fetch(`${api.url}/.well-known/jwks.json`)).text());
  const receipt = keptFile("receipt.jws", answer.receipt);
  expect(await runExample("verify-signed.mjs", receipt, keys)).toContain(answer.batch.id);
  const forged = keptFile(
    "forged.jws",
    answer.receipt.replace(/.(?=\.[^.]*$)/, (last: string) => (last === "0" ? "1" : "0")),
  );
  await expect(runExample("verify-signed.mjs", forged, keys)).rejects.toThrow("not this key's");

  const lease = present(await tryLease(app, "relay"), "the relay's lease");
  await numberActsForAllTenants(app, lease);
  await releaseLease(app, lease);
  await signCheckpoint(app, home.tenant);
  const query = `{ log { verifierKey } batch(id: "${answer.batch.id}") { inclusionProof { file } } }`;
  const { data } = await api.ask({ query, token: await partner.token() });
  const logKey = keptFile("log-key.txt", data.log.verifierKey);
  const { file } = data.batch.inclusionProof;
  const proof = keptFile("receipt.tlog-proof", file);
  expect(await runExample("verify-proof.mjs", proof, logKey, receipt)).toContain(`quittance/${home.tenant.id}`);
  const extra = Buffer.from(/^extra (.*)$/m.exec(file)?.[1] ?? "", "base64").toString();
  const altered = Buffer.from(extra.replace('\\"itemCount\\":2', '\\"itemCount\\":3')).toString("base64");
  const forgery = keptFile("altered.tlog-proof", file.replace(/^extra .*$/m, `extra ${altered}`));
  await expect(runExample("verify-proof.mjs", forgery, logKey, receipt)).rejects.toThrow(
    "the detail is not the leaf's",
  );
});

/** A partner whose terms are in force, with a client whose key `keygen` made. */
const EXAMPLE_SCOPES = ["batches:submit", "batches:read", "settlements:read"];

async function openPartner() {
  const home = await seedTenant(app);
  const partner = await seedPartner(app, home);
  const document = example("config-daily-12pct");
  const { id } = await draftConfiguration(app, home.actor, { partnerId: partner.partner.id, document });
  const effectiveFrom = later(app.clock.now(), -86_400_000);
  await activateConfiguration(app, home.actor, { configurationId: id, effectiveFrom });
  const keyFile = join(folder, "key.json");
  const { stdout } = await runCommand(registerKeys, "keygen", "--out", keyFile, "--force", "--json");
  const jwks = JSON.stringify(JSON.parse(stdout).publicJwk);
  const input = { partnerId: partner.partner.id, name: "example", scopes: EXAMPLE_SCOPES, jwks };
  const { id: clientId } = await createClient(app, home.actor, input);
  return { home, partner, clientId, keyFile };
}

test("the example of a reply disputes a statement, and an acknowledgement of it is refused", async () => {
  const { clientId, keyFile, home, partner } = await openPartner();
  const through = later(app.clock.now(), -1);
  await settle(app, home.actor, { partnerId: partner.partner.id, through });
  const statement = async (nth: number) => {
    const query = `{ statements(first: 2, partnerId: "${partner.partner.id}") { edges { node { id } } } }`;
    return (await api.ask({ query, token: await partner.token() })).data.statements.edges[nth].node.id;
  };
  const reply = async (nth: number, ...words: string[]) =>
    JSON.parse(await runExample("reply.mjs", api.url, clientId, keyFile, await statement(nth), ...words));
  expect((await reply(0, "dispute", "Where is my bet?", "0", "1")).disputeStatement.dispute).toMatchObject({
    ...{ state: "OPEN", statement: { state: "DISPUTED" } },
  });
  await expect(reply(0, "acknowledge")).rejects.toThrow("The statement is disputed.");
});

/** What a program answers while batches are posted, as a worker would. */
async function postingMeanwhile<T>(
  running: Promise<T>,
  { partner }: Awaited<ReturnType<typeof openPartner>>["partner"],
) {
  const over = new AbortController();
  const ended = running.finally(() => over.abort());
  const post = async () => {
    while (!over.signal.aborted) {
      await postBatches(app, partner);
      await sleep(50);
    }
  };
  const [answer] = await Promise.all([ended, post()]);
  return answer;
}

async function runExample(name: string, ...args: string[]): Promise<string> {
  const program = join(HOME, "docs", "examples", name);
  return (await promisify(execFile)(process.execPath, [program, ...args])).stdout;
}

function keptFile(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function documentsIn(place: string, recursive: boolean): string[] {
  const names = readdirSync(join(HOME, place), { recursive, encoding: "utf8" });
  return names.filter((name) => name.endsWith(".md")).map((name) => join(place, name));
}

function brokenLinks(path: string, text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [file = "", heading] = target.split("#");
    const found = file === "" ? join(HOME, path) : resolve(dirname(join(HOME, path)), file);
    if (!existsSync(found)) return [`${path}: ${target}`];
    const isHeading =
      heading === undefined || headingsOf(file === "" ? text : readFileSync(found, "utf8")).includes(heading);
    return isHeading ? [] : [`${path}: ${target} (no such heading in ${relative(HOME, found)})`];
  });
}

/** Headings as links name them: lower case, hyphens for spaces, punctuation left out. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

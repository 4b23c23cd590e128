import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { present } from "../../src/kernel/assert.js";
import { register as registerRender } from "../../src/server/commands/renditions.js";
import { register as registerSettlement } from "../../src/server/commands/settlement.js";
import { renderOwn } from "../../src/settlement/renditions/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import { documentOf, statementOf } from "../../src/settlement/statements/service.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { textsOf } from "../support/pdf-text.js";
import { type SeededClient, seedClient, seedPartner } from "../support/seeds.js";
import { openPlace, report } from "./place.js";
import { parseCsv } from "./rendered.js";

const app = await testApp();
const api = await testApi(app);

const folder = mkdtempSync(join(tmpdir(), "quittance-renditions-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "master.key"), app.config.masterKey.toString("base64url"));
const server = ["--data-dir", folder, "--database-url", app.config.databaseUrl, "--redis-url", app.config.redisUrl];

/** Two whole days of Seoul back from the last midnight there: something happened on the first alone. */
const DAY_MS = 86_400_000;
const MIDNIGHT = Math.floor((app.clock.now().getTime() - 15 * 3_600_000) / DAY_MS) * DAY_MS + 15 * 3_600_000;
const [BUSY, QUIET, END] = [2, 1, 0].map((days) => new Date(MIDNIGHT - days * DAY_MS).toISOString()) as [
  string,
  string,
  string,
];

const place = await openPlace(app, BUSY);
await report(app, place, [
  { kind: "BET", amount: "1000.00", occurredAt: BUSY },
  { kind: "WIN", amount: "400.00", occurredAt: BUSY },
]);
const rows = await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(END) });
const [busy, quiet] = [BUSY, QUIET].map((start) =>
  present(
    rows.find((row) => row.start === start),
    "a statement",
  ),
);
const ids = { busy: busy?.statementId ?? "", quiet: quiet?.statementId ?? "" };

test("a period in which nothing happened has a statement in the settlement currency, which says so", async () => {
  expect(rows.map(({ start, currency }) => [start, currency])).toEqual([
    [BUSY, "USD"],
    [QUIET, "USD"],
  ]);
  const document = documentOf(await statementOf(app, place.shell, ids.quiet));
  expect(document).toMatchObject({ hasActivity: false, totals: [], earned: "0.00", closing: "0.00" });
  expect(document.previousStatement?.id).toBe(ids.busy);
  const pdf = await download(place, `${ids.quiet}.pdf?lang=ko`);
  expect(textsOf(new Uint8Array(await pdf.arrayBuffer()))[0]).toContain("당기 거래 없음");
});

describe("a statement is downloaded", () => {
  test.each([
    ["csv", "text/csv; charset=utf-8; header=present", "section"],
    ["xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "PK\u0003\u0004"],
    ["pdf", "application/pdf", "%PDF-1.7"],
  ])("as %s, by the partner and by the tenant's people, the same bytes", async (format, type, beginning) => {
    const admin = await seedClient(app, place.shell, null);
    const answers = [await download(place, `${ids.busy}.${format}`), await download(admin, `${ids.busy}.${format}`)];
    const [first, second] = await Promise.all(answers.map(async (answer) => Buffer.from(await answer.arrayBuffer())));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers[0]?.headers.get("content-type")).toBe(type);
    const name = `statement-${localDay(BUSY)}-USD-${ids.busy}.en.${format}`;
    expect(answers[0]?.headers.get("content-disposition")).toBe(`attachment; filename="${name}"`);
    expect(first?.toString("latin1").startsWith(beginning)).toBe(true);
    expect(first?.equals(second ?? Buffer.alloc(0))).toBe(true);
  });

  test("with the amounts that were signed", async () => {
    const { closing, payable } = documentOf(await statementOf(app, place.shell, ids.busy));
    const text = await (await download(place, `${ids.busy}.csv`)).text();
    expect(parseCsv(text).filter(([section]) => section === "BALANCE")).toEqual(
      expect.arrayContaining([
        expect.arrayContaining(["payable", payable, "USD"]),
        expect.arrayContaining(["closing", closing, "USD"]),
      ]),
    );
  });

  test.each([
    ["", undefined, "en"],
    ["?lang=ko", "en", "ko"],
    ["", "ko", "ko"],
    ["", "ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "ko"],
    ["", "fr, en;q=0.5, ko;q=0.8", "ko"],
    ["", "fr, en;q=0.5, ko;q=0", "en"],
    ["", "de", "en"],
    ["", "*;q=x,,;", "en"],
  ])("with %j and Accept-Language %j in %s", async (query, accepted, language) => {
    const headers = accepted === undefined ? {} : { "accept-language": accepted };
    const answer = await download(place, `${ids.busy}.csv${query}`, headers);
    expect(answer.headers.get("content-language")).toBe(language);
    expect((await answer.text()).includes("기말 잔액")).toBe(language === "ko");
  });

  test("by nobody else, and not without the scope, in an unknown language or as something else", async () => {
    const unscoped = await seedPartner(app, place.home, { scopes: ["batches:read"] });
    const sibling = await seedPartner(app, place.home);
    const elsewhere = await openPlace(app, BUSY);
    const answers = [
      await fetch(`${api.url}/statements/${ids.busy}.pdf`),
      await download(unscoped, `${ids.busy}.pdf`),
      await download(sibling, `${ids.busy}.pdf`),
      await download(elsewhere, `${ids.busy}.pdf`),
      await download(place, "stm_01h455vb4pex5vsknk084sn02q.pdf"),
      await download(place, "%2e%2e.csv"),
      await download(place, `${ids.busy}.docx`),
      await download(place, `${ids.busy}.pdf?lang=fr`),
      await download(place, `${ids.busy}.pdf?lang=ko&lang=en`),
    ];
    const codes = await Promise.all(
      answers.map(async (answer) => JSON.parse(await answer.text()).errors[0].extensions.code),
    );
    const missing = Array.from({ length: 5 }, () => "NOT_FOUND");
    expect(codes).toEqual(["UNAUTHENTICATED", "FORBIDDEN", ...missing, "VALIDATION", "VALIDATION"]);
    expect(answers.map(({ status }) => status)).toEqual([401, 403, 404, 404, 404, 404, 404, 400, 400]);
  });
});

test("a statement that was damaged where it lay is not shown", async () => {
  const { jws } = await statementOf(app, place.shell, ids.busy);
  const [head = "", payload = "", signature = ""] = jws.split(".");
  const raised = Buffer.from(payload, "base64url").toString("utf8").replace('"payable":"72.00"', '"payable":"92.00"');
  const damaged = [head, Buffer.from(raised).toString("base64url"), signature].join(".");
  expect(damaged).not.toBe(jws);
  const reading = { format: "csv", language: "en" } as const;
  await expect(renderOwn(app, damaged, reading)).rejects.toThrow("SIGNATURE_INVALID");
});

describe("at the shell", () => {
  const out = (name: string) => join(folder, name);

  test("statement writes the file that the API sends", async () => {
    for (const format of ["csv", "xlsx", "pdf"]) {
      const file = out(`online.${format}`);
      const words = ["statement", ids.busy, ...server, "--format", format, "--lang", "ko", "--out", file, "--json"];
      const { stdout } = await runCommand(registerSettlement, ...words);
      const sent = Buffer.from(await (await download(place, `${ids.busy}.${format}?lang=ko`)).arrayBuffer());
      expect(JSON.parse(stdout)).toMatchObject({ file, bytes: sent.length });
      expect(readFileSync(file).equals(sent)).toBe(true);
    }
  });

  test("render writes the same from the signed statement alone, once it has checked it", async () => {
    const { jws } = await statementOf(app, place.shell, ids.busy);
    const jwks = await (await fetch(`${api.url}/.well-known/jwks.json`)).text();
    writeFileSync(out("statement.jws"), `${jws}\n`);
    writeFileSync(out("jwks.json"), jwks);
    writeFileSync(out("none.json"), '{"keys":[]}');
    const words = (keys: string) => ["render", out("statement.jws"), "--jwks", out(keys), "--format", "pdf"];
    const { stdout } = await runCommand(registerRender, ...words("jwks.json"), "--lang", "ko", "--out", out("a.pdf"));
    expect(stdout).toMatch(/a\.pdf: \d+ bytes$/);
    const sent = Buffer.from(await (await download(place, `${ids.busy}.pdf?lang=ko`)).arrayBuffer());
    expect(readFileSync(out("a.pdf")).equals(sent)).toBe(true);
    await expect(runCommand(registerRender, ...words("none.json"), "--out", out("b.pdf"))).rejects.toMatchObject({
      code: "VALIDATION",
      message: "It is not a statement to show: KEY_UNKNOWN.",
    });
  });

  test.each([
    ["a format without a file", ["--format", "pdf"]],
    ["a file without a format", ["--out", "x.pdf"]],
    ["an unknown format", ["--format", "docx", "--out", "x"]],
    ["an unknown language", ["--format", "pdf", "--out", "x", "--lang", "fr"]],
  ])("%s is a wrong call", async (_name, options) => {
    const ran = runCommand(registerSettlement, "statement", ids.busy, ...server, ...options);
    await expect(ran).rejects.toMatchObject({ name: "CommanderError", exitCode: 1 });
  });
});

function localDay(instant: string): string {
  return new Date(new Date(instant).getTime() + 9 * 3_600_000).toISOString().slice(0, 10);
}

async function download(client: SeededClient, path: string, headers: Readonly<Record<string, string>> = {}) {
  const authorization = `Bearer ${await client.token()}`;
  return fetch(`${api.url}/statements/${path}`, { headers: { ...headers, authorization } });
}

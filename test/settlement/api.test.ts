import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { present } from "../../src/kernel/assert.js";
import { register as registerSettlement } from "../../src/server/commands/settlement.js";
import { register as registerVerify } from "../../src/server/commands/verify.js";
import { type SettledRow, settle } from "../../src/settlement/runs/service.js";
import { documentOf, statementOf } from "../../src/settlement/statements/service.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { example } from "../support/contracts.js";
import { type SeededClient, seedClient, seedPartner } from "../support/seeds.js";
import { openPlace, type Place, periods, report, submit } from "./place.js";

const app = await testApp();
const api = await testApi(app);

const folder = mkdtempSync(join(tmpdir(), "quittance-settlement-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "master.key"), app.config.masterKey.toString("base64url"));
const server = ["--data-dir", folder, "--database-url", app.config.databaseUrl, "--redis-url", app.config.redisUrl];

/** Four whole days of Seoul back from the last midnight there. */
const DAY_MS = 86_400_000;
const MIDNIGHT = Math.floor((app.clock.now().getTime() - 15 * 3_600_000) / DAY_MS) * DAY_MS + 15 * 3_600_000;
const [FIRST, SECOND] = [4, 3].map((days) => new Date(MIDNIGHT - days * DAY_MS).toISOString()) as [string, string];
const CONFIG_FILE = resolve(import.meta.dirname, "../../docs/examples/config-daily-12pct.json");

/** A partner with two days of activity, the first one settled. */
async function settledPlace(): Promise<Place & { readonly rows: readonly SettledRow[] }> {
  const place = await openPlace(app, FIRST);
  await report(app, place, [
    { kind: "BET", amount: "1000.00", occurredAt: FIRST },
    { kind: "WIN", amount: "400.00", occurredAt: FIRST },
    { kind: "BET", amount: "5.00", occurredAt: SECOND },
  ]);
  const rows = await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(SECOND) });
  return { ...place, rows };
}

async function ask(client: SeededClient, query: string, variables: Record<string, unknown> = {}) {
  return api.ask({ query, variables, token: await client.token() });
}

async function codesOf(
  client: SeededClient,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<unknown[]> {
  const { errors = [] } = await ask(client, query, variables);
  return errors.map(({ extensions }) => extensions["code"]);
}

const DRAFT = `mutation ($input: DraftConfigurationInput!) {
  draftConfiguration(input: $input) { configuration { id version state document documentSha256 draftedBy } }
}`;
const SUBMIT = `mutation ($input: SubmitConfigurationInput!) {
  submitConfiguration(input: $input) { configuration { id state effectiveFrom midPeriod submittedBy } }
}`;
const RETURN = `mutation ($input: ReturnConfigurationInput!) {
  returnConfiguration(input: $input) { configuration { id state effectiveFrom submittedBy } }
}`;
const ACTIVATE = `mutation ($input: ActivateConfigurationInput!) {
  activateConfiguration(input: $input) { configuration { id state effectiveFrom activatedBy } }
}`;
const CLOSE = `mutation ($input: ClosePeriodInput!) {
  closePeriod(input: $input) { period { id state statements { id payable { amount currency } } } }
}`;

test("one person drafts and submits, and another activates; the author may not, and nobody before", async () => {
  const place = await openPlace(app, FIRST);
  const [author, approver] = [await seedClient(app, place.shell, null), await seedClient(app, place.shell, null)];
  const document = example("config-daily-12pct");
  const input = { partnerId: place.partner.id, document, idempotencyKey: "draft-1" };
  const drafted = await ask(author, DRAFT, { input });
  const { configuration } = drafted.data.draftConfiguration;
  expect(configuration).toMatchObject({ version: 2, state: "DRAFT", document, draftedBy: author.client.id });
  expect((await ask(author, DRAFT, { input })).data).toEqual(drafted.data);
  const activation = { configurationId: configuration.id, effectiveFrom: SECOND, idempotencyKey: "activate-1" };
  expect(await codesOf(approver, ACTIVATE, { input: activation })).toEqual(["VERSION_CONFLICT"]);
  const submission = { configurationId: configuration.id, effectiveFrom: SECOND, idempotencyKey: "submit-1" };
  const submitted = await ask(author, SUBMIT, { input: submission });
  expect(submitted.data.submitConfiguration.configuration).toEqual({
    ...{ id: configuration.id, state: "PENDING_APPROVAL", effectiveFrom: SECOND, midPeriod: "NEXT_PERIOD" },
    submittedBy: author.client.id,
  });
  expect((await ask(author, SUBMIT, { input: submission })).data).toEqual(submitted.data);
  expect(await codesOf(author, ACTIVATE, { input: activation })).toEqual(["FORBIDDEN"]);
  const activated = await ask(approver, ACTIVATE, { input: activation });
  expect(activated.data.activateConfiguration.configuration).toEqual({
    ...{ id: configuration.id, state: "ACTIVE", effectiveFrom: SECOND, activatedBy: approver.client.id },
  });
  expect((await ask(approver, ACTIVATE, { input: activation })).data).toEqual(activated.data);
});

test("what was submitted may be returned with a reason, and then submitted again", async () => {
  const place = await openPlace(app, FIRST);
  const [author, approver] = [await seedClient(app, place.shell, null), await seedClient(app, place.shell, null)];
  const input = { partnerId: place.partner.id, document: example("config-daily-12pct"), idempotencyKey: "draft-1" };
  const configurationId = (await ask(author, DRAFT, { input })).data.draftConfiguration.configuration.id;
  const returned = { input: { configurationId, reason: "Wrong rate.", idempotencyKey: "return-1" } };
  expect(await codesOf(approver, RETURN, returned)).toEqual(["VERSION_CONFLICT"]);
  const submit = (idempotencyKey: string) =>
    ask(author, SUBMIT, { input: { configurationId, effectiveFrom: SECOND, idempotencyKey } });
  await submit("submit-1");
  expect((await ask(approver, RETURN, returned)).data.returnConfiguration.configuration).toEqual({
    ...{ id: configurationId, state: "DRAFT", effectiveFrom: null, submittedBy: null },
  });
  expect((await submit("submit-2")).data.submitConfiguration.configuration.state).toBe("PENDING_APPROVAL");
  expect(await codesOf(place, "query ($id: ID!) { configuration(id: $id) { id } }", { id: configurationId })).toEqual([
    "NOT_FOUND",
  ]);
});

test("a document that is refused is refused by its path, without its content", async () => {
  const place = await openPlace(app, FIRST);
  const author = await seedClient(app, place.shell, null);
  const document = { ...example("config-daily-12pct"), share: { kind: "FLAT", rate: "1.5" } };
  const input = { partnerId: place.partner.id, document, idempotencyKey: "draft-1" };
  const { errors = [] } = await ask(author, DRAFT, { input });
  expect(errors).toMatchObject([{ extensions: { code: "VALIDATION", path: "/share/rate" } }]);
  expect(JSON.stringify(errors)).not.toContain("1.5");
});

test("partners see what is theirs, and of configurations no drafts", async () => {
  const place = await settledPlace();
  const author = await seedClient(app, place.shell, null);
  const input = { partnerId: place.partner.id, document: example("config-weekly-ggr"), idempotencyKey: "draft-1" };
  const draftId = (await ask(author, DRAFT, { input })).data.draftConfiguration.configuration.id;
  const LIST = "query ($id: ID) { configurations(partnerId: $id) { totalCount edges { node { version state } } } }";
  expect((await ask(place, LIST)).data.configurations).toEqual({
    totalCount: 1,
    edges: [{ node: { version: 1, state: "ACTIVE" } }],
  });
  expect((await ask(author, LIST, { id: place.partner.id })).data.configurations.totalCount).toBe(2);
  expect(await codesOf(place, "query ($id: ID!) { configuration(id: $id) { id } }", { id: draftId })).toEqual([
    "NOT_FOUND",
  ]);
});

test("a period is closed by its tenant alone, once, and the same key again answers the same", async () => {
  const place = await settledPlace();
  const manager = await seedClient(app, place.shell, null);
  const [first, second] = await periods(app, place);
  const input = { periodId: present(second, "second").id, idempotencyKey: "close-1" };
  expect(await codesOf(place, CLOSE, { input })).toEqual(["FORBIDDEN"]);
  const closed = await ask(manager, CLOSE, { input });
  expect(closed.data.closePeriod.period).toMatchObject({
    state: "STATEMENT_ISSUED",
    statements: [{ payable: { amount: "0.60", currency: "USD" } }],
  });
  expect((await ask(manager, CLOSE, { input })).data).toEqual(closed.data);
  const again = { periodId: present(first, "first").id, idempotencyKey: "close-2" };
  expect(await codesOf(manager, CLOSE, { input: again })).toEqual(["PERIOD_CLOSED"]);
});

test("a period shows its partner, terms, totals and statements, and a page goes on from its cursor", async () => {
  const place = await settledPlace();
  const QUERY = `query ($after: String) { settlementPeriods(first: 1, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { node { startsAt endsAt dueAt state partner { code } configuration { version }
      totals { kind category isLate count units sum { amount currency } } statements { currency base } } }
  } }`;
  const { settlementPeriods: page } = (await ask(place, QUERY)).data;
  expect(page.totalCount).toBeGreaterThan(60);
  const total = { category: null, isLate: false, count: "1", units: "0" };
  expect(page.edges[0].node).toEqual({
    ...{ startsAt: FIRST, endsAt: SECOND, dueAt: SECOND, state: "STATEMENT_ISSUED" },
    ...{ partner: { code: place.partner.code }, configuration: { version: 1 } },
    totals: [
      { ...total, kind: "BET", sum: { amount: "1000.00", currency: "USD" } },
      { ...total, kind: "WIN", sum: { amount: "400.00", currency: "USD" } },
    ],
    statements: [{ currency: "USD", base: "600.00" }],
  });
  const { settlementPeriods: next } = (await ask(place, QUERY, { after: page.pageInfo.endCursor })).data;
  expect(next.edges[0].node).toMatchObject({ startsAt: SECOND, state: "OPEN", statements: [] });
});

test("a statement shows its amounts, lines, document and signature", async () => {
  const place = await settledPlace();
  const { statementId } = present(place.rows[0], "row");
  const QUERY = `{ statements(currency: "USD") { totalCount edges { node { id jws document
    partner { code } period { id } configuration { version } currency base carryIn carryOut
    opening { amount } earned { amount } adjustments { amount } payable { amount } closing { amount }
    lines { code section formula inputs result amount term } } } } }`;
  const { statements } = (await ask(place, QUERY)).data;
  const { node } = statements.edges[0];
  expect(statements.totalCount).toBe(1);
  expect(node).toMatchObject({
    ...{ id: statementId, currency: "USD", base: "600.00", carryIn: "0.00", carryOut: "0.00" },
    ...{ opening: { amount: "0.00" }, earned: { amount: "72.00" }, adjustments: { amount: "0.00" } },
    ...{ payable: { amount: "72.00" }, closing: { amount: "0.00" } },
    ...{
      period: { id: place.rows[0]?.periodId },
      configuration: { version: 1 },
      partner: { code: place.partner.code },
    },
  });
  expect(node.document).toEqual(documentOf(node));
  expect(node.lines.find((line: { code: string }) => line.code === "SHARE")).toMatchObject({
    ...{
      section: "EARNED",
      formula: "rate * max(base + carryIn, 0)",
      result: "72.00",
      amount: "72.00",
      term: "/share",
    },
    inputs: { rate: "0.12", base: "600.00", carryIn: "0.00" },
  });
});

test("what is another's answers like what does not exist, by every way in", async () => {
  const theirs = await settledPlace();
  const sibling = await seedPartner(app, theirs.home);
  const stranger = await openPlace(app, FIRST);
  const tenant = await seedClient(app, stranger.shell, null);
  const { periodId, statementId } = present(theirs.rows[0], "row");
  const ids = { periodId, statementId, configurationId: theirs.configuration.id, partnerId: theirs.partner.id };
  const ROOTS = [
    "query ($periodId: ID!) { settlementPeriod(id: $periodId) { id } }",
    "query ($statementId: ID!) { statement(id: $statementId) { id } }",
    "query ($configurationId: ID!) { configuration(id: $configurationId) { id } }",
    "query ($partnerId: ID!) { settlementPeriods(partnerId: $partnerId) { totalCount } }",
    "query ($partnerId: ID!) { statements(partnerId: $partnerId) { totalCount } }",
    "query ($partnerId: ID!) { configurations(partnerId: $partnerId) { totalCount } }",
    "query ($periodId: ID!) { node(id: $periodId) { id } }",
    "query ($statementId: ID!) { node(id: $statementId) { id } }",
    "query ($configurationId: ID!) { node(id: $configurationId) { id } }",
  ];
  for (const root of ROOTS) {
    const named = Object.entries(ids).filter(([name]) => root.includes(`$${name}`));
    for (const client of [sibling, stranger, tenant]) {
      expect(await codesOf(client, root, Object.fromEntries(named)), root).toEqual(["NOT_FOUND"]);
    }
    expect(await codesOf(theirs, root, Object.fromEntries(named)), root).toEqual([]);
  }
  const close = { periodId, idempotencyKey: "close-1" };
  expect(await codesOf(tenant, CLOSE, { input: close })).toEqual(["NOT_FOUND"]);
});

test("from the shell: activate, settle twice the same, statement, verify, balance", async () => {
  const place = await openPlace(app, FIRST);
  const target = ["--tenant", place.tenant.id, "--partner", place.partner.id, ...server];
  const run = (...words: string[]) => runCommand(registerSettlement, ...words);

  const activated = await run(
    "config",
    "activate",
    ...target,
    "--file",
    CONFIG_FILE,
    "--effective-from",
    FIRST,
    "--json",
  );
  const { id, version, ...more } = JSON.parse(activated.stdout);
  expect({ id, version, more }).toEqual({ id: expect.stringMatching(/^cfg_/), version: 2, more: {} });

  await submit(app, place, [{ kind: "WIN", amount: "100.00", occurredAt: FIRST }]);
  const settled = await run("settle", ...target, "--through", SECOND, "--json");
  const [row, ...others] = JSON.parse(settled.stdout);
  expect(others).toEqual([]);
  expect(row).toEqual({
    ...{ periodId: expect.stringMatching(/^prd_/), start: FIRST, end: SECOND },
    ...{ statementId: expect.stringMatching(/^stm_/), base: "-100.00", carryIn: "0.00", carryOut: "-100.00" },
    ...{ earned: "0.00", payable: "0.00", currency: "USD" },
  });
  expect((await run("settle", ...target, "--through", SECOND, "--json")).stdout).toBe(settled.stdout);

  const { stdout: jws } = await run("statement", row.statementId, "--jws", ...server);
  const { stdout: document } = await run("statement", row.statementId, "--json", ...server);
  expect(JSON.parse(document)).toEqual(documentOf({ jws }));
  expect(documentOf({ jws }).configuration).toMatchObject({ id, version: 2 });
  expect((await statementOf(app, place.actor, row.statementId)).jws).toBe(jws);

  const file = join(folder, "statement.jws");
  writeFileSync(file, `${jws}\n`);
  const verified = await runCommand(registerVerify, "verify", "statement", file, "--jwks", jwksUrl(), "--json");
  expect({ ...verified, stdout: JSON.parse(verified.stdout) }).toMatchObject({ exitCode: 0, stdout: { valid: true } });

  const { stdout: balance } = await run("balance", ...target, "--json");
  expect(JSON.parse(balance)).toEqual({
    version: expect.stringMatching(/^\d+$/),
    balances: [
      { account: "CLEARING", currency: "USD", amount: "-100.00" },
      { account: "WINNINGS", currency: "USD", amount: "100.00" },
    ],
  });
});

test("verify fails with exit code 1 and the reason, with keys from a file", async () => {
  const place = await settledPlace();
  const { jws } = await statementOf(app, place.actor, present(place.rows[0], "row").statementId);
  const [header = "", payload = "", signature = ""] = jws.split(".");
  const flipped = `${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
  const [file, keys] = [join(folder, "altered.jws"), join(folder, "jwks.json")];
  writeFileSync(file, `${header}.${payload}.${flipped}`);
  writeFileSync(keys, await (await fetch(jwksUrl())).text());
  const verify = (kind: string, ...more: string[]) =>
    runCommand(registerVerify, "verify", kind, file, "--jwks", keys, ...more);
  const altered = await verify("statement", "--json");
  expect(altered.exitCode).toBe(1);
  expect(JSON.parse(altered.stdout)).toEqual({ valid: false, reason: "SIGNATURE_INVALID" });
  writeFileSync(file, jws);
  expect(JSON.parse((await verify("receipt", "--json")).stdout)).toEqual({ valid: false, reason: "TYPE_MISMATCH" });
  expect(await verify("statement")).toMatchObject({ exitCode: 0, stdout: "It holds." });
});

test("a receipt verifies by its command", async () => {
  const place = await settledPlace();
  const { data } = await ask(place, "{ batches(first: 1) { edges { node { receipt } } } }");
  const file = join(folder, "receipt.jws");
  writeFileSync(file, data.batches.edges[0].node.receipt);
  const { stdout, exitCode } = await runCommand(
    registerVerify,
    "verify",
    "receipt",
    file,
    "--jwks",
    jwksUrl(),
    "--json",
  );
  expect({ exitCode, answer: JSON.parse(stdout) }).toEqual({ exitCode: 0, answer: { valid: true } });
});

test("a statement that nobody has, and an instant that is none, are refused", async () => {
  await expect(
    runCommand(registerSettlement, "statement", "stm_01h455vb4pex5vsknk084sn02q", "--jws", ...server),
  ).rejects.toMatchObject({ code: "NOT_FOUND" });
  const words = ["settle", "--tenant", "t", "--partner", "p", "--through", "yesterday"];
  await expect(runCommand(registerSettlement, ...words)).rejects.toMatchObject({ code: "commander.invalidArgument" });
});

function jwksUrl(): string {
  return `${api.url}/.well-known/jwks.json`;
}

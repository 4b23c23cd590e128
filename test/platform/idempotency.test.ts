import { beforeAll, expect, test } from "vitest";
import { type Actor, systemActor } from "../../src/kernel/actor.js";
import { CodedError, ErrorCode } from "../../src/kernel/errors.js";
import { CommitOutcomeUnknown, type Tx } from "../../src/platform/database.js";
import { lookedUp, once, type RepeatableRequest } from "../../src/platform/idempotency.js";
import { testApp } from "../support/app.js";
import { seedTenant } from "../support/seeds.js";

const app = await testApp();
beforeAll(() => app.database.query("create table written (no int auto_increment primary key, text varchar(64))"));

let keys = 0;
const newRequest = (changes: Partial<RepeatableRequest> = {}): RepeatableRequest => {
  keys += 1;
  return { operation: "write", idempotencyKey: `key-${process.pid}-${keys}`, input: { text: "a" }, ...changes };
};

test("a repetition answers as the first run did, and does nothing more", async () => {
  const { actor } = await seedTenant(app);
  const request = newRequest();
  const first = await once(app, actor, request, write);
  expect(await once(app, actor, request, write)).toBe(first);
  expect(await rows(first)).toBe(1);
});

test("the same members in another order are the same input", async () => {
  const { actor } = await seedTenant(app);
  const request = newRequest({ input: { a: 1, b: { c: 2, d: 3 } } });
  const first = await once(app, actor, request, write);
  expect(await once(app, actor, { ...request, input: { b: { d: 3, c: 2 }, a: 1 } }, write)).toBe(first);
});

test.each([
  ["input", { input: { text: "b" } }],
  ["operation", { operation: "erase" }],
])("the same key with another %s is refused and does nothing", async (_what, changes) => {
  const { actor } = await seedTenant(app);
  const request = newRequest();
  await once(app, actor, request, write);
  const again = once(app, actor, { ...request, ...changes }, () => Promise.reject(new Error("it ran")));
  await expect(again).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT", retryable: false });
});

test("what was refused is not remembered: the key may be used again", async () => {
  const { actor } = await seedTenant(app);
  const request = newRequest();
  const refused = once(app, actor, request, async (tx) => {
    await write(tx);
    throw new Error("refused");
  });
  await expect(refused).rejects.toThrow("refused");
  const answer = await once(app, actor, request, write);
  expect(await rows(answer)).toBe(1);
});

test("of many at once under one key one writes, and all get its answer", async () => {
  const { actor } = await seedTenant(app);
  const request = newRequest();
  const before = await count();
  const answers = await Promise.all(Array.from({ length: 8 }, () => once(app, actor, request, write)));
  expect(new Set(answers).size).toBe(1);
  expect((await count()) - before).toBe(1);
});

test("of a lost COMMIT a refusal tells, and a database that cannot tell leaves it unknown", async () => {
  const unknown = new CommitOutcomeUnknown("COMMIT was not answered");
  const lookUp = (thrown: Error) => lookedUp(unknown, () => Promise.reject(thrown));
  expect(await lookedUp(unknown, async () => "stored")).toBe("stored");
  const away = new CodedError(ErrorCode.UNAVAILABLE, "away", {}, true);
  const late = Object.assign(new Error("late"), { driverError: { errno: 1205, sqlState: "HY000" } });
  for (const trouble of [away, late]) await expect(lookUp(trouble)).rejects.toBe(unknown);
  const [refusal, fault] = [new CodedError(ErrorCode.IDEMPOTENCY_CONFLICT, "other"), new TypeError("a bug")];
  for (const said of [refusal, fault]) await expect(lookUp(said)).rejects.toBe(said);
});

test("keys are each principal's own, and each tenant's", async () => {
  const home = await seedTenant(app);
  const elsewhere = await seedTenant(app);
  const request = newRequest();
  const actors: Actor[] = [
    home.actor,
    systemActor({ tenantId: home.tenant.id, tenantNo: home.tenant.no }, "req"),
    elsewhere.actor,
  ];
  const answers = await Promise.all(actors.map((actor) => once(app, actor, request, write)));
  expect(new Set(answers).size).toBe(3);
});

test("without a key every call is a new one", async () => {
  const { actor } = await seedTenant(app);
  const request = newRequest({ idempotencyKey: null });
  const [first, second] = [await once(app, actor, request, write), await once(app, actor, request, write)];
  expect(first).not.toBe(second);
});

async function write(tx: Tx): Promise<string> {
  const { insertId } = await tx.query("insert into written (text) values ('x')");
  return String(insertId);
}

async function rows(no: string): Promise<number> {
  const found: unknown[] = await app.database.query("select no from written where no = ?", [no]);
  return found.length;
}

async function count(): Promise<number> {
  const [{ total }] = await app.database.query("select count(*) as total from written");
  return Number(total);
}

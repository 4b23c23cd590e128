import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { isDuplicateKey } from "../../src/platform/database.js";
import { type Together, transactTogether } from "../../src/platform/together.js";
import { testApp } from "../support/app.js";
import { SqlFaults } from "../support/sql-faults.js";

/** Keeps what is sent. */
class Texts extends SqlFaults {
  readonly sent: string[] = [];

  override logQuery(query: string): void {
    this.sent.push(query);
    super.logQuery(query);
  }
}

const texts = new Texts();
const app = await testApp({ sqlLogger: texts });
const joined = new Set(["counted"]);
const INSERT = "insert into counted (id, note) values ?";

beforeAll(() => app.database.query("create table counted (id int primary key, note text not null) engine = InnoDB"));
beforeEach(async () => {
  await app.database.query("delete from counted");
  texts.sent.length = 0;
});

test("what several ask at once travels in one text, and rows that may be joined in one INSERT", async () => {
  const work = async (sql: Together, id: number) => {
    const [[{ one }]] = await Promise.all([sql.query("select 1 as one"), sql.query("select 2 as two")]);
    await sql.later.query(INSERT, [[[id, "a ? and $& 'quoted'"]]]);
    await sql.later.query("update counted set note = concat(note, ?) where id = ?", ["!", id]);
    return Number(one);
  };
  const answers = await transactTogether(app, (sql) => Promise.all([1, 2, 3].map((id) => work(sql, id))), { joined });
  expect(answers).toEqual([1, 1, 1]);
  expect(texts.sent).toHaveLength(2);
  expect(texts.sent[1]?.match(/insert into counted/g)).toHaveLength(1);
  expect(await stored()).toEqual([1, 2, 3].map((id) => ({ id, note: "a ? and $& 'quoted'!" })));
});

test("rows of other tables stay where they were given", async () => {
  await transactTogether(app, async (sql) => {
    await sql.later.query(INSERT, [[[1, "first"]]]);
    await sql.later.query("delete from counted where id = ?", [1]);
    await sql.later.query(INSERT, [[[1, "second"]]]);
  });
  expect(await stored()).toEqual([{ id: 1, note: "second" }]);
});

test("after a refusal nothing more of anybody is sent, not even outside the transaction", async () => {
  await app.database.query(INSERT, [[[1, "there"]]]);
  let isRefused: () => void = () => undefined;
  const refused = new Promise<void>((resolve) => {
    isRefused = resolve;
  });
  const fails = async (sql: Together) => {
    await sql.query("insert into counted (id, note) values (1, 'again')").finally(isRefused);
  };
  const goesOn = async (sql: Together) => {
    await refused;
    await sql.later.query(INSERT, [[[2, "too late"]]]);
    await sql.query("select 1");
  };
  const ended = transactTogether(app, async (sql) => {
    const both = [fails(sql), goesOn(sql)];
    const results = await Promise.allSettled(both);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await Promise.all(both);
  });
  await expect(ended).rejects.toSatisfy(isDuplicateKey);
  expect(await stored()).toEqual([{ id: 1, note: "there" }]);
  expect(texts.sent.join()).not.toContain("too late");
});

test("whoever asks after a refusal is told of it, one after the other", async () => {
  const asksLate = async (sql: Together, ms: number) => {
    await sleep(ms);
    await sql.query("select 1");
  };
  const ended = transactTogether(app, async (sql) => {
    const all = [sql.query("select nothing from nowhere"), ...[50, 100, 150].map((ms) => asksLate(sql, ms))];
    const results = await Promise.allSettled(all);
    expect(results.map(({ status }) => status)).toEqual(all.map(() => "rejected"));
    await Promise.all(all);
  });
  await expect(ended).rejects.toThrow("nowhere");
});

test("a refusal that the work does not hear of is not committed over", async () => {
  const ended = transactTogether(app, async (sql) => {
    await sql.later.query(INSERT, [[[1, "first"]]]);
    sql.query("select nothing from nowhere").catch(() => undefined);
    await sql.later.query(INSERT, [[[2, "second"]]]);
  });
  await expect(ended).rejects.toThrow("nowhere");
  expect(await stored()).toEqual([]);
});

function stored(): Promise<unknown[]> {
  return app.database.query("select id, note from counted order by id");
}

import { expect, test } from "vitest";
import { CommitOutcomeUnknown } from "../../src/platform/database.js";
import { openLog } from "../../src/platform/log.js";
import { transactTogether } from "../../src/platform/together.js";
import { testApp } from "../support/app.js";

const app = await testApp();
const PLAYER = "player-34dea495";

test("of a statement that fails a log holds the number, the place and nothing that was sent", async () => {
  await app.database.query("create table logged (id varchar(40) primary key) engine = InnoDB");
  const insert = "insert into logged (id) values (?)";
  await app.database.query(insert, [PLAYER]);
  const alone = await failureOf(app.database.query(insert, [PLAYER]));
  const together = await failureOf(transactTogether(app, (sql) => sql.query(insert, [PLAYER])));
  for (const err of [alone, together, new CommitOutcomeUnknown("COMMIT was not answered", { cause: alone })]) {
    const line = logged(err);
    expect(line).not.toContain(PLAYER);
    expect(line).not.toContain("insert into");
    expect(line).toContain("database error 1062 (23000)");
    expect(line).toMatch(/ {4}at /);
  }
});

test("of other errors it holds what they say", () => {
  const err = Object.assign(new Error("no such thing"), { code: "GONE" });
  expect(JSON.parse(logged(err)).err).toMatchObject({ type: "Error", message: "no such thing", code: "GONE" });
  expect(JSON.parse(logged("a text")).err).toBe("a text");
});

function logged(err: unknown): string {
  const lines: string[] = [];
  const to = { write: (line: string) => void lines.push(line) };
  openLog({ logLevel: "info", processName: "test" }, to).error({ err }, "it failed");
  return lines.join("");
}

function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}

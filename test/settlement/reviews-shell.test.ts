import { beforeAll, expect, test, vi } from "vitest";
import { Act } from "../../src/acts/entities.js";
import { PeriodState } from "../../src/periods/entities.js";
import { register } from "../../src/server/commands/reviews.js";
import { register as registerSettlement } from "../../src/server/commands/settlement.js";
import { disputeReplied, disputeStatement } from "../../src/settlement/disputes/service.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { type Place, periods } from "./place.js";
import { DAY_3, settled, settleThrough, signReply, statements } from "./replying.js";

const app = await testApp();
const servers = ["--database-url", app.config.databaseUrl, "--redis-url", app.config.redisUrl];

beforeAll(() => {
  vi.stubEnv("QUITTANCE_MASTER_KEY", app.config.masterKey.toString("base64url"));
  return () => vi.unstubAllEnvs();
});

async function run({ tenant }: Place, ...args: string[]): Promise<string> {
  return (await runCommand(register, ...args, "--tenant", tenant.id, ...servers)).stdout;
}

async function actsAbout(subjectId: string): Promise<string[]> {
  const acts = await app.database.manager.find(Act, { where: { subjectId }, order: { no: "ASC" } });
  return acts.map(({ type, principalKind }) => `${type} ${principalKind}`);
}

async function disputed(): Promise<{ place: Place; id: string }> {
  const place = await settled(app, 1_000);
  const [statement] = await statements(app, place);
  if (statement === undefined) throw new Error("there is no statement");
  const content = { reason: "Too little.", lines: [{ line: 0 }] };
  const jws = await signReply(app, place, statement, "dispute", content);
  const { id } = await disputeReplied(app, place.actor, await disputeStatement(app, place.actor, jws));
  return { place, id };
}

test("`approve` approves a statement and releases its money, as two acts of the shell", async () => {
  const place = await settled(app, 1_000);
  const id = (await statements(app, place))[0]?.id ?? "";
  expect(JSON.parse(await run(place, "approve", id, "--json"))).toEqual([{ id, state: "PAYABLE" }]);
  expect((await actsAbout(id)).slice(-2)).toEqual([
    ...["STATEMENT_APPROVED OPERATOR_SHELL", "STATEMENT_RELEASED OPERATOR_SHELL"],
  ]);
});

test("`dispute answer` with an amount answers and approves, as two acts, and the amount is posted", async () => {
  const { place, id } = await disputed();
  const answer = [
    "dispute",
    "answer",
    id,
    "--outcome",
    "PARTLY_ACCEPTED",
    "--amount",
    "5.00",
    "--reason",
    "One of two.",
  ];
  expect(JSON.parse(await run(place, ...answer, "--json"))).toEqual({ id, state: "PARTLY_ACCEPTED" });
  expect((await actsAbout(id)).slice(-2)).toEqual([
    ...["DISPUTE_ANSWER_PROPOSED OPERATOR_SHELL", "DISPUTE_ACCEPTED OPERATOR_SHELL"],
  ]);
  const [row] = await app.database.query(
    "select cast(sum(balance_minor) as char) as due from account where tenant_no = ? and account = 'ADJUSTMENT_DUE'",
    [place.tenant.no],
  );
  expect(row.due).toBe("-500");
  await expect(run(place, ...answer)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
});

test("`statement` says of an adjustment which dispute it puts right", async () => {
  const { place, id } = await disputed();
  await run(
    place,
    ...["dispute", "answer", id, "--outcome", "ACCEPTED", "--amount", "5.00", "--reason", "You are right."],
  );
  await settleThrough(app, place, DAY_3);
  const [, after] = await statements(app, place);
  const { stdout } = await runCommand(registerSettlement, "statement", after?.id ?? "", ...servers);
  expect(stdout).toMatch(new RegExp(`^ +5\\.00 {2}Adjustments; .*\\(dispute=${id}\\): adjustments$`, "m"));
});

test("`dispute answer` that rejects is one act, and moves nothing; an amount beside it is refused", async () => {
  const { place, id } = await disputed();
  const answer = ["dispute", "answer", id, "--outcome", "REJECTED", "--reason", "It is right."];
  await expect(run(place, ...answer, "--amount", "5.00")).rejects.toMatchObject({ code: "VALIDATION" });
  expect(await run(place, ...answer)).toBe(`${id} is REJECTED.`);
  expect((await actsAbout(id)).at(-1)).toBe("DISPUTE_REJECTED OPERATOR_SHELL");
  await expect(run(place, "dispute", "answer", id, "--outcome", "MAYBE", "--reason", "x")).rejects.toThrow(/choices/i);
});

test("`period abort` gives an empty period up at once, as two acts, and no other", async () => {
  const place = await settled(app, 1_000);
  const [done, empty] = await periods(app, place);
  const abort = (id = "") => run(place, "period", "abort", id, "--reason", "The contract ended.", "--json");
  await expect(abort(done?.id)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  expect(JSON.parse(await abort(empty?.id))).toEqual({ id: empty?.id, state: PeriodState.ABORTED });
  expect(await actsAbout(empty?.id ?? "")).toEqual([
    ...["PERIOD_ABORT_PROPOSED OPERATOR_SHELL", "PERIOD_ABORTED OPERATOR_SHELL"],
  ]);
  await expect(abort("prd_01kb0000000000000000000000")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

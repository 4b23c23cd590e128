import { describe, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { revokeKey } from "../../src/identity/key-revocations/service.js";
import { signingKey } from "../../src/identity/keys/service.js";
import { present } from "../../src/kernel/assert.js";
import { sha256Hex } from "../../src/kernel/digest.js";
import { AccountName } from "../../src/ledger/entities.js";
import { balanceOf, balancesOf } from "../../src/ledger/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { PeriodState } from "../../src/periods/entities.js";
import { answerDispute, approveDisputeAnswer } from "../../src/settlement/answers/service.js";
import { type Dispute, DisputeOutcome, DisputeState } from "../../src/settlement/disputes/entities.js";
import {
  acknowledgeStatement,
  disputeReplied,
  disputeStatement,
  withdrawDispute,
} from "../../src/settlement/disputes/service.js";
import type { Statement } from "../../src/settlement/entities.js";
import { recomputeStatement } from "../../src/settlement/recompute.js";
import { replyJsonSchema } from "../../src/settlement/reply-schema.js";
import {
  advanceStatementsForAllTenants,
  approveStatement,
  releaseStatement,
} from "../../src/settlement/reviews/service.js";
import { documentOf } from "../../src/settlement/statements/service.js";
import { LineSection } from "../../src/settlement/terms/lines.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { seedClient } from "../support/seeds.js";
import { type Place, periods } from "./place.js";
import { DAY_3, settled, settleThrough, signReply, statements } from "./replying.js";

const app = await testApp();

const DAY_MS = 86_400_000;
const DAILY = example("config-daily-12pct");
const CLAIM = { reason: "Two rounds are missing.", lines: [{ line: 0, claimed: "1100.00" }] };

/** A partner with one statement of 1,000 dollars of bets. */
async function disputable(): Promise<{ place: Place; statement: Statement }> {
  const place = await settled(app, 1_000);
  return { place, statement: await first(place) };
}

async function first(place: Place): Promise<Statement> {
  return present((await statements(app, place))[0], "a first statement");
}

async function dispute(place: Place, content: Record<string, unknown> = CLAIM): Promise<Dispute> {
  const jws = await signReply(app, place, await first(place), "dispute", content);
  return disputeReplied(app, place.actor, await disputeStatement(app, place.actor, jws));
}

async function acknowledge(place: Place) {
  return acknowledgeStatement(app, place.actor, await signReply(app, place, await first(place), "acknowledgement"));
}

async function actsOf({ partner }: Place, like: string): Promise<string[]> {
  const rows: { type: string }[] = await app.database.query(
    "select type from act where tenant_no = ? and partner_no = ? and type like ? order by no",
    [partner.tenantNo, partner.no, like],
  );
  return rows.map(({ type }) => type);
}

async function balances({ partner }: Place) {
  const of = (account: AccountName) => balanceOf(app.database.manager, partner, account, "USD");
  return [await of(AccountName.ADJUSTMENT_COST), await of(AccountName.ADJUSTMENT_DUE)];
}

async function accepted(place: Place, amount: string): Promise<Dispute> {
  const { id: disputeId } = await dispute(place);
  await answerDispute(app, place.shell, {
    disputeId,
    outcome: DisputeOutcome.ACCEPTED,
    amount,
    reason: "You are right.",
  });
  return approveDisputeAnswer(app, place.shell, { disputeId, amount });
}

describe("acknowledging", () => {
  test("a statement is acknowledged once, kept as it was signed, and can no longer be disputed", async () => {
    const { place, statement } = await disputable();
    const jws = await signReply(app, place, statement, "acknowledgement");
    const { reply, replayed } = await acknowledgeStatement(app, place.actor, jws);
    expect(reply).toMatchObject({ kind: "ACKNOWLEDGEMENT", jws, statementId: statement.id, disputeId: null });
    expect(replayed).toBe(false);
    expect((await first(place)).acknowledgedAt).toEqual(reply.receivedAt);
    await expect(dispute(place)).rejects.toMatchObject({ code: "DISPUTE_WINDOW_CLOSED" });
    await expect(acknowledge(place)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    expect(await actsOf(place, "STATEMENT_ACK%")).toHaveLength(1);
    expect((await first(place)).state).toBe(PeriodState.STATEMENT_ISSUED); // people approve it
  });

  test("by automatic terms an acknowledged statement is payable before its window is over", async () => {
    const place = await settled(app, 1_000, { document: { ...DAILY, review: { approval: "AUTOMATIC" } } });
    await acknowledge(place);
    await advanceStatementsForAllTenants(app);
    expect((await first(place)).state).toBe(PeriodState.PAYABLE);
  });

  test("the same document again answers the same, whatever the clock says and its key has become", async () => {
    const { place, statement } = await disputable();
    const jws = await signReply(app, place, statement, "acknowledgement");
    const sent = await Promise.all([1, 2, 3].map(() => acknowledgeStatement(app, place.actor, jws)));
    app.clock.advance(DAY_MS);
    const key = present(await signingKey(app, place.tenant.id, place.key.kid), "a key");
    await revokeKey(app, place.shell, { keyId: key.id, reason: "lost" });
    sent.push(await acknowledgeStatement(app, place.actor, jws));
    expect(new Set(sent.map(({ reply }) => reply.id)).size).toBe(1);
    expect(sent.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await actsOf(place, "STATEMENT_%")).toEqual([ActType.STATEMENT_ISSUED, ActType.STATEMENT_ACKNOWLEDGED]);
  });
});

describe("what is refused of a reply", () => {
  const cases: [string, string, Parameters<typeof signReply>[4], Parameters<typeof signReply>[5]][] = [
    ["another type of token", "SIGNATURE_INVALID", CLAIM, { typ: "quittance-batch+jws" }],
    ["another audience", "NOT_FOUND", CLAIM, { claims: { aud: "tnt_other" } }],
    ["another signer", "KEY_NOT_OWNED", CLAIM, { claims: { iss: "ptn_other" } }],
    ["an old `iat`", "CLOCK_SKEW", CLAIM, { claims: { iat: 1_700_000_000 } }],
    ["no `jti`", "VALIDATION", CLAIM, { claims: { jti: "" } }],
    ["another statement", "NOT_FOUND", CLAIM, { claims: { statement: { id: "stm_x", sha256: "0".repeat(64) } } }],
    ["a line twice", "VALIDATION", { ...CLAIM, lines: [{ line: 1 }, { line: 1 }] }, {}],
    ["a line that is none", "VALIDATION", { ...CLAIM, lines: [{ line: 4_000 }] }, {}],
    ["no line", "VALIDATION", { ...CLAIM, lines: [] }, {}],
    ["three decimals of a dollar", "VALIDATION", { ...CLAIM, lines: [{ line: 0, claimed: "1.005" }] }, {}],
    ["an unknown member", "VALIDATION", { ...CLAIM, extra: 1 }, {}],
    ["too many words", "VALIDATION", { ...CLAIM, reason: "x".repeat(2_001) }, {}],
  ];

  test.each(cases)("%s: %s", async (_what, code, content, changes) => {
    const { place, statement } = await disputable();
    const jws = await signReply(app, place, statement, "dispute", content, changes);
    await expect(disputeStatement(app, place.actor, jws)).rejects.toMatchObject({ code });
    expect(await actsOf(place, "DISPUTE%")).toEqual([]);
    expect(await actsOf(place, "STATEMENT_REPLY%")).toEqual([ActType.STATEMENT_REPLY_REFUSED]);
    expect((await first(place)).state).toBe(PeriodState.STATEMENT_ISSUED);
  });

  test("another document under the same `jti`, a statement that was changed, and somebody else's key", async () => {
    const { place, statement } = await disputable();
    const other = await settled(app, 1_000);
    const claims = { jti: "same" };
    const sign = (changes: object, of = statement) =>
      signReply(app, place, of, "dispute", CLAIM, { claims, ...changes });
    await disputeStatement(app, place.actor, await sign({}));
    const again = await signReply(app, place, statement, "dispute", { ...CLAIM, reason: "Else." }, { claims });
    await expect(disputeStatement(app, place.actor, again)).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
    const changed = Object.assign(await first(place), { jws: `${statement.jws}x` });
    const stale = sign({ claims: { jti: "stale" } }, changed);
    await expect(disputeStatement(app, place.actor, await stale)).rejects.toMatchObject({
      ...{ code: "VALIDATION", details: { path: "/statement/sha256" } },
    });
    const foreign = await sign({ claims: { jti: "foreign" }, key: other.key });
    await expect(disputeStatement(app, place.actor, foreign)).rejects.toMatchObject({ code: "KEY_UNKNOWN" });
    await expect(disputeStatement(app, place.shell, await sign({}))).rejects.toMatchObject({ code: "KEY_NOT_OWNED" });
  });

  test("a dispute after the window, and one more than twenty", async () => {
    const place = await settled(app, 1_000, { document: { ...DAILY, review: { disputeDays: 1 } } });
    for (let count = 0; count < 20; count++) await dispute(place);
    await expect(dispute(place)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    const late = await settled(app, 1_000, { document: { ...DAILY, review: { disputeDays: 1 } } });
    app.clock.advance(DAY_MS);
    await expect(dispute(late)).rejects.toMatchObject({ code: "DISPUTE_WINDOW_CLOSED" });
  });
});

test("the published schema is what the code parses", async () => {
  const text = `${JSON.stringify(replyJsonSchema(), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot("../../schema/reply.schema.json");
});

describe("disputing", () => {
  test("a dispute holds up approval and release until it is withdrawn, and undoes an approval", async () => {
    const { place, statement } = await disputable();
    await approveStatement(app, place.shell, statement.id);
    const { id } = await dispute(place);
    expect(await first(place)).toMatchObject({ state: PeriodState.DISPUTED, approvedBy: null });
    expect((await periods(app, place))[0]?.state).toBe(PeriodState.DISPUTED);
    for (const step of [approveStatement, releaseStatement]) {
      await expect(step(app, place.shell, statement.id)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    }
    await expect(acknowledge(place)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    const withdraw = async () =>
      withdrawDispute(app, place.actor, await signReply(app, place, statement, "dispute-withdrawal", { dispute: id }));
    await withdraw();
    await expect(withdraw()).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    expect((await first(place)).state).toBe(PeriodState.STATEMENT_ISSUED);
    expect(await actsOf(place, "DISPUTE%")).toEqual([ActType.DISPUTE_OPENED, ActType.DISPUTE_WITHDRAWN]);
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  });

  test("of several disputes the last to be answered lets the statement go on", async () => {
    const { place, statement } = await disputable();
    const [one, two] = [await dispute(place), await dispute(place)];
    const reject = (disputeId: string) =>
      answerDispute(app, place.shell, { disputeId, outcome: DisputeOutcome.REJECTED, amount: null, reason: "No." });
    expect((await reject(one.id)).state).toBe(DisputeState.REJECTED);
    expect((await first(place)).state).toBe(PeriodState.DISPUTED);
    await reject(two.id);
    expect((await approveStatement(app, place.shell, statement.id)).state).toBe(PeriodState.APPROVED);
  });

  test("released money is not called back: the dispute runs beside", async () => {
    const { place, statement } = await disputable();
    await approveStatement(app, place.shell, statement.id);
    await releaseStatement(app, place.shell, statement.id);
    await dispute(place);
    expect((await first(place)).state).toBe(PeriodState.PAYABLE);
  });

  test("no statement advances by itself while it is disputed, and it does once that is over", async () => {
    const place = await settled(app, 1_000, {
      document: { ...DAILY, review: { disputeDays: 1, approval: "AUTOMATIC" } },
    });
    const { id: disputeId } = await dispute(place);
    app.clock.advance(2 * DAY_MS);
    await advanceStatementsForAllTenants(app);
    expect((await first(place)).state).toBe(PeriodState.DISPUTED);
    await answerDispute(app, place.shell, { disputeId, outcome: DisputeOutcome.REJECTED, amount: null, reason: "No." });
    await advanceStatementsForAllTenants(app);
    expect((await first(place)).state).toBe(PeriodState.PAYABLE);
  });
});

describe("answering", () => {
  test("an answer that moves money takes two people, and the second approves the amount that stands", async () => {
    const { place } = await disputable();
    const [answerer, approver] = [await seedClient(app, place.shell, null), await seedClient(app, place.shell, null)];
    const { id: disputeId } = await dispute(place);
    const answer = (amount: string) =>
      answerDispute(app, answerer.actor, {
        disputeId,
        outcome: DisputeOutcome.PARTLY_ACCEPTED,
        amount,
        reason: "In part.",
      });
    const approve = (by = approver, amount = "6.00") => approveDisputeAnswer(app, by.actor, { disputeId, amount });
    await expect(approve()).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    await answer("12.00");
    expect((await answer("6.00")).state).toBe(DisputeState.PENDING_APPROVAL);
    expect(await balances(place)).toEqual([0n, 0n]);
    await expect(approve(answerer)).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(approve(approver, "12.00")).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    expect(await approve()).toMatchObject({ state: DisputeState.PARTLY_ACCEPTED, adjustmentMinor: 600n });
    await expect(approve()).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    expect(await balances(place)).toEqual([600n, -600n]);
    const hot = await balancesOf(app, place.partner, null);
    expect(hot.accounts).toContainEqual({ account: "ADJUSTMENT_DUE", currency: "USD", balanceMinor: -600n });
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  });

  test.each(["12.00", "-3.50"])(
    "its adjustment of %s is a line of the next statement that names its origin",
    async (amount) => {
      const { place, statement } = await disputable();
      const frozen = await app.database.query("select * from activity_total where tenant_no = ?", [
        place.partner.tenantNo,
      ]);
      const { id, replyId } = await accepted(place, amount);
      await settleThrough(app, place, DAY_3);
      const [before, after] = await statements(app, place);
      expect(before?.jws).toBe(statement.jws);
      const document = documentOf(present(after, "a second statement"));
      expect(document.adjustments).toBe(amount);
      expect(document.lines.filter(({ section }) => section === LineSection.ADJUSTMENTS)).toMatchObject([
        { code: "ADJUSTMENTS", scope: `dispute=${id}`, amount, inputs: { adjustments: amount } },
      ]);
      const [{ jws }] = await app.database.query("select jws from statement_reply where tenant_id = ? and id = ?", [
        ...[place.tenant.id, replyId],
      ]);
      expect(document.corrections).toEqual([
        {
          ...{ dispute: id, currency: "USD", amount, reason: "You are right.", lines: [0] },
          statement: { id: statement.id, sha256: sha256Hex(statement.jws) },
          disputeSha256: sha256Hex(jws),
        },
      ]);
      expect(recomputeStatement(document)).toEqual([]);
      expect(await balances(place)).toEqual([BigInt(amount.replace(".", "")), 0n]);
      const first = "select * from activity_total where tenant_no = ? and period_no = ?";
      expect(await app.database.query(first, [place.partner.tenantNo, statement.periodNo])).toEqual(frozen);
      expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
    },
  );

  test("a statement whose correction says another amount than was adjusted does not verify", async () => {
    const { place } = await disputable();
    await accepted(place, "12.00");
    await settleThrough(app, place, DAY_3);
    const document = documentOf(present((await statements(app, place))[1], "a second statement"));
    const [correction] = present(document.corrections, "corrections");
    const forged = { ...document, corrections: [{ ...correction, amount: "13.00" }] };
    expect(recomputeStatement(forged)).toEqual(["/corrections are not the adjustments of disputes"]);
    expect(recomputeStatement({ ...document, corrections: undefined })).not.toEqual([]);
  });

  test("an answer without money stands at once, and a rejection cannot have an amount", async () => {
    const { place } = await disputable();
    const { id: disputeId } = await dispute(place);
    const answer = (outcome: DisputeOutcome, amount: string) =>
      answerDispute(app, place.shell, { disputeId, outcome, amount, reason: "The rounds came in since." });
    await expect(answer(DisputeOutcome.REJECTED, "1.00")).rejects.toMatchObject({ code: "VALIDATION" });
    await expect(answer(DisputeOutcome.ACCEPTED, "1.005")).rejects.toMatchObject({ code: "VALIDATION" });
    expect(await answer(DisputeOutcome.ACCEPTED, "0")).toMatchObject({
      ...{ state: DisputeState.ACCEPTED, adjustmentPeriodNo: null, approvedBy: null },
    });
    expect(await balances(place)).toEqual([0n, 0n]);
  });

  test("approvals at once post the adjustment once", async () => {
    const { place } = await disputable();
    const { id: disputeId } = await dispute(place);
    const amount = "12.00";
    await answerDispute(app, place.shell, { disputeId, outcome: DisputeOutcome.ACCEPTED, amount, reason: "Yes." });
    const all = await Promise.allSettled(
      [1, 2, 3].map(() => approveDisputeAnswer(app, place.shell, { disputeId, amount })),
    );
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await balances(place)).toEqual([1_200n, -1_200n]);
    expect(await actsOf(place, "DISPUTE_ACCEPTED")).toHaveLength(1);
  });

  test("fsck names an adjustment that no dispute accounts for", async () => {
    const { place } = await disputable();
    const { id } = await accepted(place, "12.00");
    await app.database.query("update dispute set adjustment_minor = 1300 where tenant_id = ? and id = ?", [
      ...[place.tenant.id, id],
    ]);
    const { differences } = await fsck(app, { tenantId: place.tenant.id });
    expect(differences.map(({ check }) => check)).toEqual(["TOTALS"]);
  });
});

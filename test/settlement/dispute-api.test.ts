import { createClient as createSseClient } from "graphql-sse";
import { expect, test } from "vitest";
import { numberActsForAllTenants } from "../../src/events/relay/service.js";
import { present } from "../../src/kernel/assert.js";
import { releaseLease, tryLease } from "../../src/platform/lease.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { type SeededClient, seedClient, seedPartner } from "../support/seeds.js";
import type { Place } from "./place.js";
import { settled, signReply, statements } from "./replying.js";

const app = await testApp();
const api = await testApi(app);

const EVIDENCE = [{ kind: "BATCH", id: "batch-17", sha256: "a".repeat(64), text: "Sent on 2 March." }];
const CLAIM = { reason: "Two rounds are missing.", lines: [{ line: 0, claimed: "1100.00" }], evidence: EVIDENCE };
const DISPUTE = `id state reason answer answeredBy adjustment { amount currency } decidedAt
  lines { line claimed reason } evidence { kind id sha256 text } signed { kind jti jws } partner { id }
  adjustmentPeriod { state }`;

async function ask(by: SeededClient, query: string, variables: Record<string, unknown> = {}) {
  const { data, errors = [] } = await api.ask({ query, variables, token: await by.token() });
  return errors[0] === undefined ? data : errors[0].extensions["code"];
}

async function openDispute(place: Place) {
  const [statement] = await statements(app, place);
  const jws = await signReply(app, place, present(statement, "a statement"), "dispute", CLAIM);
  const query = `mutation ($jws: String!) {
    disputeStatement(input: { jws: $jws }) { replayed dispute { ${DISPUTE} statement { id state period { state } } } }
  }`;
  return { jws, send: () => ask(place, query, { jws }) };
}

test("a dispute is read as it was signed, by partner and tenant, and by nobody else", async () => {
  const place = await settled(app, 1_000);
  const { jws, send } = await openDispute(place);
  const { dispute, replayed } = (await send()).disputeStatement;
  expect(replayed).toBe(false);
  expect(dispute).toMatchObject({
    ...{ state: "OPEN", answer: null, answeredBy: null, adjustment: null, decidedAt: null, adjustmentPeriod: null },
    ...{ reason: CLAIM.reason, lines: [{ line: 0, claimed: "1100.00", reason: null }], evidence: EVIDENCE },
    ...{ signed: { kind: "DISPUTE", jws }, partner: { id: place.partner.id } },
    statement: { state: "DISPUTED", period: { state: "DISPUTED" } },
  });
  expect((await send()).disputeStatement).toMatchObject({ replayed: true, dispute: { id: dispute.id } });
  const manager = await seedClient(app, place.shell, null);
  const [sibling, stranger] = [await seedPartner(app, place.home), await settled(app, 1_000)];
  const one = `query ($id: ID!) { dispute(id: $id) { id } node(id: $id) { id } }`;
  for (const reader of [place, manager]) {
    expect(await ask(reader, one, { id: dispute.id })).toEqual({
      dispute: { id: dispute.id },
      node: { id: dispute.id },
    });
  }
  for (const other of [sibling, stranger]) expect(await ask(other, one, { id: dispute.id })).toBe("NOT_FOUND");
  const list = `query ($partnerId: ID, $state: DisputeState) {
    disputes(partnerId: $partnerId, state: $state, first: 10) { totalCount edges { node { id } } }
  }`;
  const found = { disputes: { totalCount: 1, edges: [{ node: { id: dispute.id } }] } };
  const none = { disputes: { totalCount: 0, edges: [] } };
  expect(await ask(manager, list)).toEqual(found);
  expect(await ask(manager, list, { partnerId: sibling.partner.id })).toEqual(none);
  expect(await ask(manager, list, { state: "REJECTED" })).toEqual(none);
  expect(await ask(place, list, { state: "OPEN" })).toEqual(found);
  expect(await ask(sibling, list)).toEqual(none);
  expect(await ask(sibling, list, { partnerId: place.partner.id })).toBe("NOT_FOUND");
});

test("the partner learns of an answer when it stands, the tenant's people before", async () => {
  const place = await settled(app, 1_000);
  const { dispute } = (await (await openDispute(place)).send()).disputeStatement;
  const [answerer, approver] = [await seedClient(app, place.shell, null), await seedClient(app, place.shell, null)];
  const answer = `mutation ($id: ID!, $amount: Decimal, $key: String!) { answerDispute(input: {
    disputeId: $id, outcome: ACCEPTED, amount: $amount, reason: "You are right.", idempotencyKey: $key
  }) { dispute { state answeredBy adjustment { amount } } } }`;
  expect(await ask(place, answer, { id: dispute.id, amount: "12.00", key: "a" })).toBe("FORBIDDEN");
  expect((await ask(answerer, answer, { id: dispute.id, amount: "12.00", key: "a" })).answerDispute.dispute).toEqual({
    ...{ state: "PENDING_APPROVAL", answeredBy: answerer.client.id, adjustment: { amount: "12.00" } },
  });
  const read = `query ($id: ID!) { dispute(id: $id) { ${DISPUTE} } }`;
  const hidden = { state: "OPEN", answer: null, answeredBy: null, adjustment: null, decidedAt: null };
  expect((await ask(place, read, { id: dispute.id })).dispute).toMatchObject(hidden);
  const pending = `{ disputes(state: PENDING_APPROVAL) { totalCount } }`;
  expect(await ask(place, pending)).toEqual({ disputes: { totalCount: 0 } });
  expect(await ask(approver, pending)).toEqual({ disputes: { totalCount: 1 } });
  const approve = `mutation ($id: ID!) { approveDisputeAnswer(input: {
    disputeId: $id, amount: "12.00", idempotencyKey: "b" }) { dispute { state } } }`;
  expect(await ask(answerer, approve, { id: dispute.id })).toBe("FORBIDDEN");
  expect(await ask(approver, approve, { id: dispute.id })).toMatchObject({
    approveDisputeAnswer: { dispute: { state: "ACCEPTED" } },
  });
  expect((await ask(place, read, { id: dispute.id })).dispute).toMatchObject({
    ...{ state: "ACCEPTED", answer: "You are right.", answeredBy: null },
    ...{ adjustment: { amount: "12.00", currency: "USD" }, adjustmentPeriod: { state: "OPEN" } },
  });
});

test("a subscriber is told of every step of a period and its statements, in order", async () => {
  const place = await settled(app, 1_000);
  const { dispute } = (await (await openDispute(place)).send()).disputeStatement;
  const manager = await seedClient(app, place.shell, null);
  const reject = `mutation ($id: ID!) { answerDispute(input: {
    disputeId: $id, outcome: REJECTED, reason: "No.", idempotencyKey: "a" }) { dispute { state } } }`;
  await ask(manager, reject, { id: dispute.id });
  const [statement] = await statements(app, place);
  const acknowledged = await signReply(app, place, present(statement, "a statement"), "acknowledgement");
  const acknowledge = `mutation ($jws: String!) { acknowledgeStatement(input: { jws: $jws }) {
    replayed statement { state acknowledgement { jws kind } disputes { totalCount edges { node { state } } } } } }`;
  expect((await ask(place, acknowledge, { jws: acknowledged })).acknowledgeStatement).toEqual({
    replayed: false,
    statement: {
      ...{ state: "STATEMENT_ISSUED", acknowledgement: { jws: acknowledged, kind: "ACKNOWLEDGEMENT" } },
      disputes: { totalCount: 1, edges: [{ node: { state: "REJECTED" } }] },
    },
  });
  const lease = present(await tryLease(app, "relay"), "the relay's lease");
  while ((await numberActsForAllTenants(app, lease)) > 0);
  await releaseLease(app, lease);
  const headers = { authorization: `Bearer ${await place.token()}` };
  const client = createSseClient({ url: `${api.url}/graphql/stream`, headers, retryAttempts: 0 });
  const query = `subscription { settlementStatus(afterSequence: 0) { state statement { id } dispute { id } } }`;
  const told: unknown[] = [];
  for await (const { data } of client.iterate<{ settlementStatus: unknown }>({ query })) {
    told.push(data?.settlementStatus);
    if (told.length === 6) break;
  }
  client.dispose();
  const about = { statement: { id: statement?.id }, dispute: null };
  expect(told).toEqual([
    { state: "CLOSED", statement: null, dispute: null },
    { state: "CALCULATED", statement: null, dispute: null },
    { state: "STATEMENT_ISSUED", ...about },
    { state: "DISPUTED", ...about, dispute: { id: dispute.id } },
    { state: "STATEMENT_ISSUED", ...about, dispute: { id: dispute.id } },
    { state: "STATEMENT_ISSUED", ...about },
  ]);
});

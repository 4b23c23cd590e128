import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSchema } from "graphql";
import { numberActsForAllTenants } from "../../src/events/relay/service.js";
import { parkBatch } from "../../src/exchange/parking/service.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { rejectQuarantined } from "../../src/exchange/quarantine/service.js";
import { registerTrustedDocument } from "../../src/identity/documents/service.js";
import { present } from "../../src/kernel/assert.js";
import { retain } from "../../src/operations/retaining/service.js";
import { RetentionKind } from "../../src/operations/retention/entities.js";
import { approveChange, proposeChange } from "../../src/operations/retention/service.js";
import { tryLease } from "../../src/platform/lease.js";
import { approveCollection, recordCollection } from "../../src/settlement/collections/service.js";
import { acknowledgeStatement } from "../../src/settlement/disputes/service.js";
import { createPayoutFile } from "../../src/settlement/payout-files/service.js";
import { markPayoutPaid, payoutsOf } from "../../src/settlement/payouts/service.js";
import { planAheadForAllTenants } from "../../src/settlement/planning/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import { statementOf } from "../../src/settlement/statements/service.js";
import { createThreatBlock } from "../../src/threat/blocks/service.js";
import { draftThreatRules } from "../../src/threat/documents/service.js";
import { DEFAULT_RULES } from "../../src/threat/rules.js";
import { signCheckpoint } from "../../src/transparency/service.js";
import { EUROS, openPaid, release } from "../settlement/payout-place.js";
import { openPlace, type Place, report, submit } from "../settlement/place.js";
import { signReply } from "../settlement/replying.js";
import type { TestApp } from "../support/app.js";
import { example } from "../support/contracts.js";

const [START, FIRST, FIRST_END] = ["2026-03-01T15:00:00.000Z", "2026-03-02T01:00:00.000Z", "2026-03-02T15:00:00.000Z"];
const LATER = "2026-08-01T00:00:00.000Z";
const LATELY = "2026-07-31T20:00:00.000Z";

/**
 * A tenant with something in nearly every table of money and evidence: a day that was settled, acknowledged, paid and
 * removed; batches in every state; credit, players told apart, threat rules, a trusted document.
 */
export async function openEverything(app: TestApp): Promise<Place> {
  const place = await openPaid(app, START);
  const item = { currency: "EUR", occurredAt: FIRST };
  app.clock.set(FIRST);
  await report(app, place, [
    { id: "j-1", kind: "JACKPOT_CONTRIBUTION", amount: "100.00", ...item },
    { id: "b-1", kind: "BET", amount: "10.00", brand: "north", ...item },
    { id: "r-1", kind: "ROLLBACK", reverses: "b-1", amount: "10.00", ...item, player: undefined, product: undefined },
  ]);
  await settleAndPay(app, place);
  await registerRest(app, place);
  app.clock.set(LATER);
  await number(app, place);
  await removeOld(app, place);
  await planAheadForAllTenants(app);
  await reportLately(app, place);
  await number(app, place);
  return place;
}

async function settleAndPay(app: TestApp, place: Place): Promise<void> {
  app.clock.set(FIRST_END);
  const [row] = await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(FIRST_END) });
  const statement = await statementOf(app, place.shell, present(row, "a statement").statementId);
  await acknowledgeStatement(app, place.actor, await signReply(app, place, statement, "acknowledgement"));
  await release(app, place, statement.id);
  await createPayoutFile(app, place.shell, EUROS);
  const all = { partner: null, fileId: null, statementId: null, state: null, endToEndId: null };
  for (const { id } of (await payoutsOf(app, place.shell, all, {})).rows) {
    await markPayoutPaid(app, place.shell, { payoutId: id, amount: null, note: null });
  }
  const payment = { partnerId: place.partner.id, currency: "EUR", amount: "1.00", bankReference: "camt.053/1" };
  const { id } = await recordCollection(app, place.shell, { ...payment, valueOn: "2026-03-04" });
  await approveCollection(app, place.shell, id);
}

async function registerRest(app: TestApp, { shell }: Place): Promise<void> {
  await draftThreatRules(app, shell, DEFAULT_RULES);
  const schema = buildSchema("type Query { answer: Int }");
  await registerTrustedDocument(app, shell, { name: "the answer", text: "{ answer }", schema });
}

async function removeOld(app: TestApp, { shell, tenant }: Place): Promise<void> {
  const proposal = { kind: RetentionKind.RETENTION, itemDays: 120, originDays: null, reason: "Our policy." };
  await approveChange(app, shell, (await proposeChange(app, shell, proposal)).id);
  const to = await mkdtemp(join(tmpdir(), "quittance-fsck-"));
  await retain(app, tenant, { to, isDry: false });
  await rm(to, { recursive: true });
}

/** Two partners more: one with credit whose players are told apart, one whose batches are held. */
async function reportLately(app: TestApp, place: Place): Promise<void> {
  const { home, partner } = place;
  const bet = { kind: "BET", amount: "5.00", occurredAt: LATELY };
  await report(app, place, [
    { id: "b-2", currency: "EUR", brand: "north", round: "7", ...bet },
    { id: "r-2", reverses: "b-2", ...bet, kind: "ROLLBACK", currency: "EUR", player: undefined, product: undefined },
  ]);
  const parked = await submit(app, place, [{ currency: "EUR", ...bet }]);
  await parkBatch(app, partner, parked, { error: new Error("poison"), tries: 3 });
  await submit(app, place, [{ currency: "EUR", ...bet }]);
  const base = { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" };
  const credit = { drawAt: "SETTLEMENT", whenExhausted: "POSTPAY_OVERAGE", lowWater: "0.6" };
  const carryOver = { policy: "NONE", ringFence: { playerAtMost: "-7000", aggregateAtMost: "-2000" } };
  const document = { ...example("config-daily-12pct"), base, credit, carryOver };
  const fenced = await openPlace(app, "2026-07-30T15:00:00.000Z", { home, document });
  await report(app, fenced, [{ kind: "CREDIT_PURCHASE", amount: "100.00", occurredAt: LATELY }, bet]);
  const held = await openPlace(app, "2026-07-30T15:00:00.000Z", { home });
  await createThreatBlock(app, held.shell, { partnerId: held.partner.id, reason: "Under investigation." });
  await submit(app, held, [bet]);
  const rejected = await submit(app, held, [bet]);
  await rejectQuarantined(app, held.shell, { batchId: rejected.id, reason: "Not ours." });
  await postBatches(app, held.partner);
}

async function number(app: TestApp, { tenant }: Place): Promise<void> {
  await numberActsForAllTenants(app, present(await tryLease(app, "relay"), "the lease"));
  await signCheckpoint(app, tenant);
}

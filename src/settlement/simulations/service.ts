import { In } from "typeorm";
import type { Actor } from "../../kernel/actor.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { instantText } from "../../kernel/clock.js";
import { isId, newId } from "../../kernel/ids.js";
import { decimalText, scaleOf } from "../../kernel/money.js";
import { cursorOf, type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import { countSettled, isSettled } from "../../periods/closing/service.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { partnerOf, partnersByNumber } from "../../tenancy/service.js";
import { configurationOf } from "../configurations/service.js";
import { storedConfiguration } from "../document.js";
import { readConfiguration } from "../document-reading/service.js";
import { settlementError } from "../errors.js";
import { periodSeenBy } from "../runs/service.js";
import {
  endSimulation,
  type Plan,
  progressChannel,
  runSimulation,
  type SimulationRefusal,
} from "../simulating/service.js";
import { type GivenDocument, givenDocument } from "../typed-documents/rules.js";
import { type SimulatedPartner, SimulatedStatement, Simulation, SimulationState } from "./entities.js";
import type { LineDifference } from "./rules.js";

/** What to replay: a period, or the settled ones within a range of some partners or of all; and by which draft. */
export interface SimulateInput extends GivenDocument {
  readonly periodId?: string | null;
  readonly from?: Date | null;
  readonly through?: Date | null;
  /** None: every partner that the actor may see. With a period: its partner. */
  readonly partnerIds?: readonly string[] | null;
  /** Or a document, given once; with neither, each period by its own version, which changes nothing. */
  readonly configurationId?: string | null;
}

const PERIODS_MAX = 200_000;
const RUNNING_MAX = 4;
/** So many periods are replayed while the caller waits; more become a job. */
const PERIODS_AT_ONCE = 32;
const SUMS_AT_ONCE = 500;

/**
 * Starts a simulation, and finishes a short one before it answers. A draft that the partner's own periods do not fit is
 * refused for that partner alone, on the simulation. Refused are a range without settled periods (`VALIDATION`), one of
 * more than 200,000 periods, and a fifth simulation at work (`LIMIT_EXCEEDED`).
 */
export async function simulateSettlement(
  app: App,
  actor: Actor,
  input: SimulateInput,
  idempotencyKey: string | null = null,
): Promise<Simulation> {
  const planned = await planOf(app, actor, input);
  const { plan, periodsTotal } = planned;
  const request = { operation: "simulateSettlement", idempotencyKey, input: plan };
  const id = await once(app, actor, request, (tx) => insert(app, tx, actor, planned));
  if (periodsTotal <= PERIODS_AT_ONCE) await runSimulation(app, { tenantId: actor.tenantId, id });
  return simulationOf(app, actor, id);
}

/** An amount before and after, in decimal strings. */
interface AmountDifference {
  readonly before: string;
  readonly after: string;
  readonly delta: string;
}

/** What a simulation came to, for the shell: the difference by partner and currency. */
export interface SimulationResult {
  readonly id: string;
  readonly periods: number;
  readonly partners: readonly {
    readonly partnerId: string;
    readonly currency: string;
    readonly earned: AmountDifference;
    readonly payable: AmountDifference;
  }[];
  readonly refusals: readonly SimulationRefusal[];
}

/** Simulates and waits for the end, however long the range is. */
export async function simulateToEnd(app: App, actor: Actor, input: SimulateInput): Promise<SimulationResult> {
  const { id } = await simulateSettlement(app, actor, input);
  await runSimulation(app, { tenantId: actor.tenantId, id });
  const simulation = await simulationOf(app, actor, id);
  const sums = await allSums(app, simulation);
  const partners = await partnersByNumber(
    app,
    actor,
    sums.map(({ partnerNo }) => partnerNo),
  );
  const rows = sums.map(({ currency, ...sum }, index) => {
    const scale = scaleOf(currency);
    const difference = (before: bigint, after: bigint) => {
      const [was, is, delta] = [before, after, after - before].map((minor) => decimalText(minor, scale));
      return { before: was ?? "", after: is ?? "", delta: delta ?? "" };
    };
    const earned = difference(sum.earnedBeforeMinor, sum.earnedAfterMinor);
    const payable = difference(sum.payableBeforeMinor, sum.payableAfterMinor);
    return { partnerId: partners[index]?.id ?? "", currency, earned, payable };
  });
  return { id, periods: simulation.periodsDone, partners: rows, refusals: refusalsOf(simulation) };
}

async function allSums(app: App, simulation: Simulation): Promise<SimulatedPartner[]> {
  const sums: SimulatedPartner[] = [];
  let request: PageRequest | null = { first: SUMS_AT_ONCE };
  while (request !== null) {
    const { rows, hasNextPage, positionOf }: Page<SimulatedPartner> = await simulatedPartners(app, simulation, request);
    sums.push(...rows);
    const last = rows.at(-1);
    const isMore = hasNextPage && last !== undefined;
    request = isMore ? { ...request, after: cursorOf("simulatedPartners", positionOf(last)) } : null;
  }
  return sums;
}

/** Whether a simulation is too long for the caller to wait for, so that a job does it. */
export function isLong({ periodsTotal }: Simulation): boolean {
  return periodsTotal > PERIODS_AT_ONCE;
}

/** A simulation that the actor may see; `NOT_FOUND` for anything else. */
export async function simulationOf(app: App, actor: Actor, id: string): Promise<Simulation> {
  const own = actor.partnerId === null ? {} : { ownerPartnerId: actor.partnerId };
  const where = { tenantId: actor.tenantId, id, ...own };
  const simulation = isId(id, "sim") ? await app.database.manager.findOneBy(Simulation, where) : null;
  if (simulation === null) throw settlementError("NOT_FOUND", { what: "simulation" });
  return simulation;
}

/** Stops a simulation that is at work; one that ended stays as it is. */
export async function cancelSimulation(
  app: App,
  actor: Actor,
  simulationId: string,
  idempotencyKey: string | null = null,
): Promise<Simulation> {
  const { tenantId, id } = await simulationOf(app, actor, simulationId);
  const request = { operation: "cancelSimulation", idempotencyKey, input: { simulationId } };
  await once(app, actor, request, async (tx) => {
    await endSimulation(app, tx, { tenantId, id }, { state: SimulationState.CANCELLED });
    return id;
  });
  await app.signals.publish(progressChannel(id), SimulationState.CANCELLED);
  return simulationOf(app, actor, id);
}

/** The replayed statements of a simulation, partner by partner in the order of periods. */
export async function simulatedStatements(
  app: App,
  { tenantId, id: simulationId }: Simulation,
  request: PageRequest,
): Promise<Page<SimulatedStatement>> {
  const { rows, after } = pageStart(request, "simulated");
  const query = app.database.manager
    .createQueryBuilder(SimulatedStatement, "simulated")
    .where("simulated.tenantId = :tenantId and simulated.simulationId = :simulationId", { tenantId, simulationId });
  if (after !== null) query.andWhere("simulated.no > :after", { after });
  const found = await query
    .orderBy("simulated.no")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ no }) => no);
}

/** How many statements a simulation has replayed. */
export async function countSimulated(app: App, { tenantId, id: simulationId }: Simulation): Promise<number> {
  return app.database.manager.countBy(SimulatedStatement, { tenantId, simulationId });
}

/** The sums of a simulation, partner by partner and currency by currency. */
export async function simulatedPartners(
  app: App,
  { tenantId, id }: Simulation,
  request: PageRequest,
): Promise<Page<SimulatedPartner>> {
  const { rows, after } = pageStart(request, "simulatedPartners", POSITION.NUMBER_CODE);
  const [partnerNo = "0", currency = ""] = after?.split(".") ?? [];
  const found: SumRow[] = await app.database.query(
    `select partner_no, currency, sum(earned_before_minor) as earned_before, sum(earned_after_minor) as earned_after,
       sum(payable_before_minor) as payable_before, sum(payable_after_minor) as payable_after
     from simulated_statement
     where tenant_id = ? and simulation_id = ? and (partner_no > ? or (partner_no = ? and currency > ?))
     group by partner_no, currency order by partner_no, currency limit ?`,
    [tenantId, id, partnerNo, partnerNo, currency, rows + 1],
  );
  return pageOf(found.map(simulatedPartner), rows, (row) => `${row.partnerNo}.${row.currency}`);
}

/** How many partners and currencies a simulation has sums of. */
export async function countSimulatedPartners(app: App, { tenantId, id }: Simulation): Promise<number> {
  const [row]: { sums: string }[] = await app.database.query(
    `select count(distinct partner_no, currency) as sums from simulated_statement
     where tenant_id = ? and simulation_id = ?`,
    [tenantId, id],
  );
  return Number(row?.sums ?? 0);
}

interface SumRow {
  readonly partner_no: number;
  readonly currency: string;
  readonly earned_before: string;
  readonly earned_after: string;
  readonly payable_before: string;
  readonly payable_after: string;
}

function simulatedPartner(row: SumRow): SimulatedPartner {
  return {
    ...{ partnerNo: row.partner_no, currency: row.currency },
    ...{ earnedBeforeMinor: BigInt(row.earned_before), earnedAfterMinor: BigInt(row.earned_after) },
    ...{ payableBeforeMinor: BigInt(row.payable_before), payableAfterMinor: BigInt(row.payable_after) },
  };
}

/** Every line of a replayed statement, as it was and as it would be. */
export function linesOf({ lineDifferences }: SimulatedStatement): readonly LineDifference[] {
  return JSON.parse(lineDifferences) as LineDifference[];
}

/** The partners that a draft was refused for. */
export function refusalsOf({ refusals }: Simulation): readonly SimulationRefusal[] {
  return JSON.parse(refusals) as SimulationRefusal[];
}

interface Planned {
  readonly plan: Plan;
  readonly periodsTotal: number;
}

async function planOf(app: App, actor: Actor, input: SimulateInput): Promise<Planned> {
  const { from, through, partners } = await rangeOf(app, actor, input);
  const document = await draftOf(app, actor, input);
  const counts = await countSettled(app.database.manager, actor.tenantNo, { from, through });
  const wanted = partners ?? (await partnersByNumber(app, actor, [...counts.keys()]));
  const seen = wanted.filter(({ id, no }) => counts.has(no) && (actor.partnerId ?? id) === id);
  const periodsTotal = seen.reduce((sum, { no }) => sum + (counts.get(no) ?? 0), 0);
  if (periodsTotal === 0) throw settlementError("VALIDATION", { reason: "No settled period lies within the range." });
  if (periodsTotal > PERIODS_MAX) {
    throw settlementError("LIMIT_EXCEEDED", { reason: `A simulation replays at most ${PERIODS_MAX} periods.` });
  }
  const partnerIds = seen.map(({ id }) => id).sort();
  return { plan: { partnerIds, from: instantText(from), through: instantText(through), document }, periodsTotal };
}

async function rangeOf(app: App, actor: Actor, input: SimulateInput) {
  const { periodId = null, from = null, through = null, partnerIds = null } = input;
  if (periodId !== null) {
    if ((from ?? through ?? partnerIds) !== null) throw refusal("/periodId", "A period is named, or a range.");
    const period = await periodSeenBy(app, actor, periodId);
    if (!isSettled(period)) throw refusal("/periodId", "The period has no statement.");
    const partners = await partnersByNumber(app, actor, [period.partnerNo]);
    return { from: period.startsAt, through: period.endsAt, partners };
  }
  if (from === null || through === null) throw refusal("/from", "A period is named, or a range from and through.");
  if (from >= through) throw refusal("/through", "A range ends after it begins.");
  const partners = partnerIds === null ? null : await Promise.all(partnerIds.map((id) => partnerOf(app, actor, id)));
  return { from, through, partners };
}

async function draftOf(app: App, actor: Actor, { configurationId = null, ...given }: SimulateInput) {
  const { document = null, terms = null } = given;
  if ([configurationId, document, terms].filter((way) => way !== null).length > 1) {
    const reason = "The draft is given once: as `configurationId`, as `document` or as `terms`.";
    throw refusal(terms === null ? "/document" : "/terms", reason);
  }
  const draft = givenDocument(given);
  if (draft !== null || configurationId === null) return draft === null ? null : readConfiguration(draft);
  return storedConfiguration((await configurationOf(app, actor, configurationId)).document);
}

function refusal(path: string, reason: string): Error {
  return settlementError("VALIDATION", { path, reason });
}

/** The tenant's row is the lock that keeps two from being the last that may start. */
async function insert(app: App, tx: Tx, actor: Actor, { plan, periodsTotal }: Planned): Promise<string> {
  const { tenantId, tenantNo, partnerId: ownerPartnerId, principalId: requestedBy } = actor;
  await tx.query("select id from tenant where id = ? for update", [tenantId]);
  const running = await tx.countBy(Simulation, { tenantId, state: In([SimulationState.RUNNING]) });
  if (running >= RUNNING_MAX) {
    throw settlementError("LIMIT_EXCEEDED", { reason: `At most ${RUNNING_MAX} simulations are at work at a time.` });
  }
  const [id, requestedAt] = [newId("sim", app.clock), app.clock.now()];
  await tx.insert(Simulation, {
    ...{ tenantId, id, tenantNo, requestedBy, ownerPartnerId, requestedAt, touchedAt: requestedAt },
    ...{ plan: canonicalJson(plan), partnersTotal: plan.partnerIds.length, periodsTotal, refusals: "[]" },
  });
  return id;
}

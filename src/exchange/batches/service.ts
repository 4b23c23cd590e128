import { In } from "typeorm";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { isId } from "../../kernel/ids.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import type { Partner } from "../../tenancy/entities.js";
import { outcomesOf } from "../contents/service.js";
import { Batch, type BatchState } from "../entities.js";
import { exchangeError } from "../errors.js";
import { batchById } from "../intake/service.js";
import type { Outcome } from "../posting/rules.js";

/** An item's outcome with its place in the batch. */
export interface NumberedOutcome extends Outcome {
  readonly index: number;
}

/** A batch that the actor may see, by its id; `NOT_FOUND` for anything else. */
export async function batchOf(app: App, actor: Actor, id: string, partnerNo: number | null): Promise<Batch> {
  const batch = isId(id, "bat") ? await batchById(app, actor.tenantNo, id) : null;
  if (batch === null || (partnerNo !== null && batch.partnerNo !== partnerNo))
    throw exchangeError("NOT_FOUND", { what: "batch" });
  return batch;
}

/** A partner's batches, newest first. */
export async function batchesOf(
  app: App,
  partner: Partner,
  state: BatchState | null,
  request: PageRequest,
): Promise<Page<Batch>> {
  const { rows, after } = pageStart(request, "batches", POSITION.NUMBER);
  const query = app.database.manager
    .createQueryBuilder(Batch, "batch")
    .where("batch.tenantNo = :tenantNo and batch.partnerNo = :no", { tenantNo: partner.tenantNo, no: partner.no });
  if (state !== null) query.andWhere("batch.state = :state", { state });
  if (after !== null) query.andWhere("batch.no < :after", { after });
  const found = await query
    .orderBy("batch.no", "DESC")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, (batch) => batch.no);
}

/** How many batches a partner has. */
export async function countBatches(app: App, partner: Partner, state: BatchState | null): Promise<number> {
  const { tenantNo, no: partnerNo } = partner;
  return app.database.manager.countBy(Batch, { tenantNo, partnerNo, ...(state === null ? {} : { state }) });
}

/** Outcomes of a batch's items in input order; none until it is posted. */
export async function outcomePage(app: App, batch: Batch, request: PageRequest): Promise<Page<NumberedOutcome>> {
  const { rows, after } = pageStart(request, "outcomes", POSITION.NUMBER);
  const start = after === null ? 0 : Number(after) + 1;
  const outcomes = (await outcomesOf(app.database.manager, batch.tenantNo, batch.no)) ?? [];
  const numbered = outcomes.map((outcome, index) => ({ ...outcome, index }));
  return pageOf(numbered.slice(start, start + rows + 1), rows, (outcome) => String(outcome.index));
}

/** Batches of a tenant by number, in the order asked; for loaders. */
export async function batchesByNumber(app: App, tenantNo: number, numbers: readonly string[]): Promise<Batch[]> {
  const found = await app.database.manager.findBy(Batch, { tenantNo, no: In([...numbers]) });
  const byNo = new Map(found.map((batch) => [String(batch.no), batch]));
  return numbers.map((no) => present(byNo.get(no), "a batch that a transaction names"));
}

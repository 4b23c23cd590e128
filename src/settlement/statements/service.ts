import { readSigned, type SignatureFault } from "../../identity/platform-signatures/service.js";
import { encryptedFor } from "../../identity/recipients/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { isId } from "../../kernel/ids.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { App } from "../../platform/app.js";
import { partnerOf, partnersByNumber } from "../../tenancy/service.js";
import { Statement } from "../entities.js";
import { settlementError } from "../errors.js";
import { STATEMENT_TYPE } from "../issuing/service.js";
import { recomputeStatement } from "../recompute.js";
import { documentIn } from "../statement-document.js";
import { type StatementDocument, statementSchema } from "../statement-schema.js";

/** What a settlement run needs of a statement. */
export interface SettledStatement
  extends Pick<Statement, "id" | "startsAt" | "endsAt" | "base" | "carryIn" | "carryOut" | "currency"> {
  readonly periodId: string;
  readonly earnedMinor: bigint;
  readonly payableMinor: bigint;
}

/** What is wrong with a statement as somebody presents it, and what exactly. */
export interface StatementFault {
  readonly reason: SignatureFault | "NOT_A_STATEMENT" | "DOES_NOT_FOLLOW";
  /** `<JSON pointer> …` for each amount that does not follow from the terms; empty otherwise. */
  readonly differences: readonly string[];
}

/** A statement that the actor may see, by its id; `NOT_FOUND` for anything else. */
export async function statementOf(app: App, actor: Actor, id: string): Promise<Statement> {
  const own = actor.partnerId === null ? null : await partnerOf(app, actor, actor.partnerId);
  const where = { tenantId: actor.tenantId, id, ...(own === null ? {} : { partnerNo: own.no }) };
  const statement = isId(id, "stm") ? await app.database.manager.findOneBy(Statement, where) : null;
  if (statement === null) throw settlementError("NOT_FOUND", { what: "statement" });
  return statement;
}

/** What a statement is read as; by default its JWS. */
export interface StatementContent {
  readonly keyId: string | null;
  readonly content?: string | Uint8Array;
  /** Media type of the content, without `application/`. */
  readonly cty?: string;
}

/** A statement's JWS, or a file made of it, encrypted for its partner (`encryptedFor`). */
export async function encryptedStatement(
  app: App,
  actor: Actor,
  { partnerNo, jws }: Pick<Statement, "partnerNo" | "jws">,
  { keyId, content = jws, cty = STATEMENT_TYPE }: StatementContent,
): Promise<string | null> {
  const [partner] = await partnersByNumber(app, actor, [partnerNo]);
  const { id: partnerId } = present(partner, "the partner of a statement");
  return encryptedFor(app, actor, { partnerId, keyId, content, cty });
}

/** A statement's compact JWS by its id alone, for the operator at the shell; `NOT_FOUND` where there is none. */
export async function statementJwsForAllTenants(app: App, id: string): Promise<string> {
  const [row]: { jws: string }[] = await app.database.query(
    `/* all tenants */ select straight_join statement.jws
     from tenant join statement on statement.tenant_id = tenant.id where statement.id = ?`,
    [id],
  );
  if (row === undefined) throw settlementError("NOT_FOUND", { what: "statement" });
  return row.jws;
}

/** A partner's statements, newest period first; only those in one currency where it is given. */
export async function statementsOf(
  app: App,
  partner: PartnerNumbers,
  currency: string | null,
  request: PageRequest,
): Promise<Page<Statement>> {
  const { rows, after } = pageStart(request, "statements", POSITION.INSTANT_ID);
  const query = selection(app, partner, currency);
  if (after !== null) {
    const [endsAt, id = ""] = after.split(".");
    query.andWhere("(statement.endsAt < :endsAt or (statement.endsAt = :endsAt and statement.id > :id))", {
      endsAt: new Date(Number(endsAt)),
      id,
    });
  }
  const found = await query
    .orderBy("statement.endsAt", "DESC")
    .addOrderBy("statement.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ endsAt, id }) => `${endsAt.getTime()}.${id}`);
}

/** How many statements a partner has. */
export async function countStatements(app: App, partner: PartnerNumbers, currency: string | null): Promise<number> {
  return selection(app, partner, currency).getCount();
}

/** Statements of a tenant's periods, in the order asked, each list by currency; for loaders. */
export async function statementsByPeriod(
  app: App,
  tenantNo: number,
  periodNos: readonly number[],
): Promise<Statement[][]> {
  const found = await app.database.manager
    .createQueryBuilder(Statement, "statement")
    .where("statement.tenantNo = :tenantNo and statement.periodNo in (:...periodNos)", { tenantNo, periodNos })
    .orderBy("statement.currency")
    .getMany();
  return periodNos.map((periodNo) => found.filter((statement) => statement.periodNo === periodNo));
}

/** Every statement of a partner's periods that end by an instant, in the order of periods and currencies. */
export async function statementsThrough(
  app: App,
  { tenantNo, no: partnerNo }: PartnerNumbers,
  through: Date,
): Promise<SettledStatement[]> {
  const rows: SettledRecord[] = await app.database.query(
    `select statement.id, period.id as periodId, statement.starts_at as startsAt, statement.ends_at as endsAt,
       statement.base, statement.carry_in as carryIn, statement.carry_out as carryOut, statement.currency,
       statement.earned_minor as earned, statement.payable_minor as payable
     from statement
     join settlement_period as period on period.tenant_no = statement.tenant_no and period.no = statement.period_no
     where statement.tenant_no = ? and statement.partner_no = ? and statement.ends_at <= ?
     order by statement.ends_at, statement.currency`,
    [tenantNo, partnerNo, through],
  );
  return rows.map(({ earned, payable, ...row }) => ({
    ...row,
    earnedMinor: BigInt(earned),
    payableMinor: BigInt(payable),
  }));
}

type SettledRecord = Omit<SettledStatement, "earnedMinor" | "payableMinor"> & {
  readonly earned: string;
  readonly payable: string;
};

/** The document that a statement of ours signs. */
export function documentOf({ jws }: Pick<Statement, "jws">): StatementDocument {
  return documentIn(jws);
}

/**
 * Checks a statement that somebody presents: signed by one of the keys (a JWK Set, RFC 7517), of our `typ`, and every
 * amount on it following from the terms and totals that it embeds. Null when all holds. What a revoked key signed holds
 * only where it is proven to be older (`provenAt`).
 */
export function verifyStatement(jws: string, jwks: unknown, provenAt: Date | null = null): StatementFault | null {
  const read = readSigned(jws, { jwks, typ: STATEMENT_TYPE, provenAt });
  if ("fault" in read) return { reason: read.fault, differences: [] };
  if (!statementSchema.safeParse(read.payload).success) return { reason: "NOT_A_STATEMENT", differences: [] };
  const differences = recomputeStatement(read.payload);
  return differences.length === 0 ? null : { reason: "DOES_NOT_FOLLOW", differences };
}

function selection(app: App, { tenantNo, no: partnerNo }: PartnerNumbers, currency: string | null) {
  const query = app.database.manager
    .createQueryBuilder(Statement, "statement")
    .where("statement.tenantNo = :tenantNo and statement.partnerNo = :partnerNo", { tenantNo, partnerNo });
  if (currency !== null) query.andWhere("statement.currency = :currency", { currency });
  return query;
}

import { sha256Hex } from "../../kernel/digest.js";
import { decimalText, scaleOf } from "../../kernel/money.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import { TransactionKind } from "../../periods/entities.js";
import type { Activity } from "../../periods/totals/service.js";
import type { Reader } from "../../platform/database.js";
import { type DisputeContent, disputeSchema } from "../reply-schema.js";
import type { StatementDocument } from "../statement-schema.js";

/** Where an adjustment of a statement comes from, as the statement says it. */
export type Correction = NonNullable<StatementDocument["corrections"]>[number];

/** The adjustment of a dispute, as it was posted. */
export interface Adjustment {
  /** Of the dispute; it stands in the totals as the category of its adjustment. */
  readonly id: string;
  readonly currency: string;
  readonly amountMinor: bigint;
  readonly periodNo: number;
}

/** What the adjustment of a dispute adds to the totals of the period that takes it. */
export function adjustmentActivity({ id, currency, amountMinor, periodNo }: Adjustment): Activity {
  const place = { periodNo, originPeriodNo: periodNo, brandNo: 0, productNo: 0 };
  const sums = { count: 1n, units: 0n, sumMinor: amountMinor };
  return { ...place, kind: TransactionKind.ADJUSTMENT, category: id, currency, ...sums };
}

/** The adjustments of disputes in some periods, computed from the disputes; what `fsck` adds to the transactions. */
export async function adjustmentsAgain(
  reader: Pick<Reader, "query">,
  { tenantNo }: Pick<PartnerNumbers, "tenantNo">,
  periodNo: number,
): Promise<Activity[]> {
  const rows: { id: string; currency: string; amount: string }[] = await reader.query(
    "select id, currency, adjustment_minor as amount from dispute where tenant_no = ? and adjustment_period_no = ?",
    [tenantNo, periodNo],
  );
  return rows.map(({ amount, ...row }) => adjustmentActivity({ ...row, amountMinor: BigInt(amount), periodNo }));
}

/** Where the adjustments in a period come from, by dispute: the statement and lines that were put right, and why. */
export async function correctionsOf(
  reader: Pick<Reader, "query">,
  { tenantNo }: Pick<PartnerNumbers, "tenantNo">,
  periodNo: number,
): Promise<Correction[]> {
  const rows: CorrectionRow[] = await reader.query(
    `select dispute.id, dispute.currency, dispute.adjustment_minor as amount, dispute.answer,
       statement.id as statementId, statement.jws as statementJws, reply.jws as replyJws
     from dispute
     join statement on statement.tenant_id = dispute.tenant_id and statement.id = dispute.statement_id
     join statement_reply as reply on reply.tenant_id = dispute.tenant_id and reply.id = dispute.reply_id
     where dispute.tenant_no = ? and dispute.adjustment_period_no = ? order by dispute.id`,
    [tenantNo, periodNo],
  );
  return rows.map(({ id: dispute, currency, amount, answer, statementId, statementJws, replyJws }) => ({
    ...{ dispute, currency, amount: decimalText(BigInt(amount), scaleOf(currency)), reason: answer },
    statement: { id: statementId, sha256: sha256Hex(statementJws) },
    lines: disputeIn(replyJws).lines.map(({ line }) => line),
    disputeSha256: sha256Hex(replyJws),
  }));
}

/** What a dispute that was taken says, beside who says it to whom and when. */
export function disputeIn(jws: string): DisputeContent {
  const [, payload = ""] = jws.split(".");
  const {
    iss: _iss,
    aud: _aud,
    jti: _jti,
    iat: _iat,
    ...content
  } = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
  return disputeSchema.parse(content);
}

interface CorrectionRow {
  readonly id: string;
  readonly currency: string;
  readonly amount: string;
  readonly answer: string;
  readonly statementId: string;
  readonly statementJws: string;
  readonly replyJws: string;
}

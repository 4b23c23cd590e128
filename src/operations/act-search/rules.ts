import { ActType } from "../../acts/entities.js";

/** Which acts of a tenant; every part given must hold. */
export interface ActQuery {
  /** Empty: of any type. */
  readonly types: readonly ActType[];
  readonly subject: string | null;
  /** The partner's number. */
  readonly partnerNo: number | null;
  readonly principal: string | null;
  readonly requestId: string | null;
  readonly address: string | null;
  readonly from: Date | null;
  readonly before: Date | null;
}

/** A condition in SQL with its values. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** How acts are read: along one index, whose condition holds for all of it, and what is asked of each row besides. */
export interface ActPlan {
  readonly index: string;
  readonly along: Condition;
  readonly besides: readonly Condition[];
}

/** What happens by the thousand, and so finds little by its type. */
const FREQUENT: ReadonlySet<ActType> = new Set([ActType.BATCH_ACCEPTED, ActType.BATCH_POSTED, ActType.BATCH_REFUSED]);

/**
 * The index along which a query is read: that of the part which finds least, so that of a million acts only those are
 * looked at that it names. All of them end with the instant.
 */
export function planOf(query: ActQuery): ActPlan {
  const { types, subject, partnerNo, principal, requestId, address } = query;
  const [type = null] = types.length === 1 ? types : [];
  const parts: readonly (readonly [string, string, unknown])[] = [
    ["ix_act_request", "request_id", requestId],
    ["ix_act_subject", "subject_id", subject],
    ["ix_act_type", "type", type !== null && !FREQUENT.has(type) ? type : null],
    ["ix_act_address", "address", address],
    ["ix_act_principal", "principal_id", principal],
    ["ix_act_of_partner", "partner_no", partnerNo],
    ["ix_act_type", "type", type !== null && FREQUENT.has(type) ? type : null],
  ];
  const given = parts.filter(([, , value]) => value !== null);
  const [[index, column, value] = ["ix_act_at", null, null], ...others] = given;
  const besides = others.map(([, name, each]) => ({ sql: `${name} = ?`, values: [each] }));
  if (types.length > 1) besides.push({ sql: "type in (?)", values: [types] });
  return { index, along: column === null ? EVERYTHING : { sql: `${column} = ?`, values: [value] }, besides };
}

const EVERYTHING: Condition = { sql: "true", values: [] };

/** Where an act stands among those of its tenant by instant: the instant in milliseconds and the act's number. */
export interface ActPosition {
  readonly atMs: number;
  readonly no: string;
}

/** Which stretch of an index is read: acts of the instants asked for, behind a position. */
export function stretchOf(
  { from, before }: Pick<ActQuery, "from" | "before">,
  order: "asc" | "desc",
  after: ActPosition | null,
): Condition {
  const conditions: Condition[] = [];
  if (from !== null) conditions.push({ sql: "at >= ?", values: [from] });
  if (before !== null) conditions.push({ sql: "at < ?", values: [before] });
  if (after !== null) {
    const at = new Date(after.atMs);
    const [beyond, orAt] = order === "desc" ? ["<", "<="] : [">", ">="];
    conditions.push({ sql: `at ${orAt} ? and (at ${beyond} ? or no ${beyond} ?)`, values: [at, at, after.no] });
  }
  return allOf(conditions);
}

/** The condition that all of them hold. */
export function allOf(conditions: readonly Condition[]): Condition {
  if (conditions.length === 0) return EVERYTHING;
  return {
    sql: conditions.map(({ sql }) => `(${sql})`).join(" and "),
    values: conditions.flatMap(({ values }) => values),
  };
}

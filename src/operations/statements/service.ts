import { recomputedCommitment } from "../../exchange/commitments/service.js";
import { PlatformKey } from "../../identity/entities.js";
import { assert } from "../../kernel/assert.js";
import { instantText } from "../../kernel/clock.js";
import { sha256Hex } from "../../kernel/digest.js";
import { groupBy } from "../../kernel/group.js";
import { decimalText, scaleOf } from "../../kernel/money.js";
import { commitmentOf, frontierOf } from "../../periods/commitments/service.js";
import { PeriodState, SettlementPeriod } from "../../periods/entities.js";
import type { Reader } from "../../platform/database.js";
import { Statement } from "../../settlement/entities.js";
import { documentOf, verifyStatement } from "../../settlement/statements/service.js";
import type { Book } from "../books/service.js";
import { Check, type Findings } from "../findings/rules.js";

const STATEMENTS_MAX = 200;

/**
 * Checks a partner's statements in the order of their periods: signature, terms, columns, period and totals, what each
 * takes on from the one before, and that the last one's closing is the position that the accounts hold.
 */
export async function checkStatements(reader: Reader, book: Book, findings: Findings): Promise<void> {
  const jwks = await keysOf(reader, book.tenantId);
  const positions = new Map<string, string>();
  for (const currency of await currenciesOf(reader, book)) {
    let previous: Statement | null = null;
    for await (const statement of statementsOf(reader, book, currency)) {
      findings.count("statements", 1);
      checkDocument(statement, jwks, findings);
      checkLink(statement, previous, findings);
      await checkPeriod(reader, statement, findings);
      previous = statement;
    }
    if (previous !== null) positions.set(currency, (-previous.closingMinor).toString());
  }
  await checkPositions(reader, book, positions, findings);
}

interface Jwks {
  readonly keys: readonly unknown[];
}

async function keysOf(reader: Reader, tenantId: string): Promise<Jwks> {
  const keys = await reader.findBy(PlatformKey, { tenantId });
  return { keys: keys.map((key) => JSON.parse(key.publicJwk)) };
}

async function currenciesOf(reader: Reader, { tenantNo, no }: Book): Promise<string[]> {
  const rows: { currency: string }[] = await reader.query(
    "select distinct currency from statement where tenant_no = ? and partner_no = ? order by currency",
    [tenantNo, no],
  );
  return rows.map((row) => row.currency);
}

async function* statementsOf(reader: Reader, { tenantNo, no: partnerNo }: Book, currency: string) {
  for (let skip = 0; ; skip += STATEMENTS_MAX) {
    const where = { tenantNo, partnerNo, currency };
    const page = await reader.find(Statement, {
      where,
      order: { endsAt: "ASC", id: "ASC" },
      skip,
      take: STATEMENTS_MAX,
    });
    yield* page;
    if (page.length < STATEMENTS_MAX) return;
  }
}

/** The document holds by itself, and the columns say what it says. */
function checkDocument(statement: Statement, jwks: Jwks, findings: Findings): void {
  const fault = verifyStatement(statement.jws, jwks);
  if (fault !== null) {
    const found = [fault.reason, ...fault.differences.slice(0, 1)].join(": ");
    findings.add(Check.STATEMENTS, { subject: statement.id, expected: "a statement that verifies", found });
    return;
  }
  const document = documentOf(statement);
  const text = (minor: bigint) => decimalText(minor, scaleOf(statement.currency));
  const stated = {
    ...{ jti: document.jti, start: document.period.start, end: document.period.end, currency: document.currency },
    ...{ configuration: document.configuration.id, base: document.base, iss: document.iss },
    ...{ carryIn: document.carryIn, carryOut: document.carryOut, opening: document.opening, earned: document.earned },
    ...{ adjustments: document.adjustments, payable: document.payable, closing: document.closing },
  };
  const { tenantId, id, startsAt, endsAt, currency, configurationId, base, carryIn, carryOut } = statement;
  const columns = {
    ...{ jti: id, start: instantText(startsAt), end: instantText(endsAt), currency, configuration: configurationId },
    ...{ base, iss: tenantId, carryIn, carryOut, opening: text(statement.openingMinor) },
    ...{ earned: text(statement.earnedMinor), adjustments: text(statement.adjustmentsMinor) },
    ...{ payable: text(statement.payableMinor), closing: text(statement.closingMinor) },
  };
  findings.compare(Check.STATEMENTS, id, new Map(Object.entries(stated)), new Map(Object.entries(columns)));
}

/** A statement opens with what the one before closed with, and names it by its hash. */
function checkLink(statement: Statement, previous: Statement | null, findings: Findings): void {
  const expected = new Map([["opening", (previous?.closingMinor ?? 0n).toString()]]);
  const found = new Map([["opening", statement.openingMinor.toString()]]);
  if (isReadable(statement)) {
    const { previousStatement } = documentOf(statement);
    expected.set("previous", previous === null ? "none" : `${previous.id} ${sha256Hex(previous.jws)}`);
    found.set("previous", previousStatement === null ? "none" : `${previousStatement.id} ${previousStatement.sha256}`);
  }
  findings.compare(Check.STATEMENTS, statement.id, expected, found);
}

/** The period is settled, and its totals are still those that the statement was computed from. */
async function checkPeriod(reader: Reader, statement: Statement, findings: Findings): Promise<void> {
  const { tenantNo, partnerNo, periodNo, id } = statement;
  const period = await reader.findOneBy(SettlementPeriod, { tenantNo, no: periodNo });
  const state = period?.state ?? "none";
  if (state !== PeriodState.STATEMENT_ISSUED) {
    findings.add(Check.STATEMENTS, { subject: `${id} period`, expected: PeriodState.STATEMENT_ISSUED, found: state });
  }
  if (period === null || !isReadable(statement)) return;
  await checkCommitment(reader, period, statement, findings);
  const together = await reader.find(Statement, { where: { tenantNo, periodNo }, order: { currency: "ASC" } });
  if (together[0]?.id !== id || !together.every(isReadable)) return; // all of a period's are held against it at once
  const rows: { name: string; currency: string; count: string; units: string; total: string }[] = await reader.query(
    `select concat(kind, ' ', category, ' ', if(total.origin_period_no = total.period_no, '', origin.id)) as name,
       total.currency, sum(total.count) as count, sum(total.units) as units, sum(total.sum_minor) as total
     from activity_total as total
     left join settlement_period as origin on origin.tenant_no = total.tenant_no and origin.no = total.origin_period_no
     where total.tenant_no = ? and total.partner_no = ? and total.period_no = ? group by name, total.currency`,
    [tenantNo, partnerNo, periodNo],
  );
  const posted = rows.map(({ name, count, units, total, ...row }) => {
    const text = `${count} × ${decimalText(BigInt(total), scaleOf(row.currency))}, ${units} units`;
    return [`${name} ${row.currency}`, text] as const;
  });
  const totals = together.flatMap((each) => {
    return documentOf(each).totals.map(({ currency = each.currency, ...total }) => ({ ...total, currency }));
  });
  const groups = groupBy(totals, ({ kind, category, originPeriodId, currency }) => {
    return `${kind} ${category} ${originPeriodId ?? ""} ${currency}`;
  });
  const stated = [...groups].map(([name, places]) => {
    const sum = (of: (total: (typeof places)[number]) => bigint) => places.reduce((all, each) => all + of(each), 0n);
    const [count, units] = [sum((total) => BigInt(total.count)), sum((total) => BigInt(total.units))];
    const minor = sum((total) => BigInt(total.sum.replace(".", "")));
    const scale = scaleOf(places[0]?.currency ?? "");
    return [name, `${count} × ${decimalText(minor, scale)}, ${units} units`] as const;
  });
  findings.compare(Check.STATEMENTS, `${id} total`, new Map(posted), new Map(stated));
}

/** The tree of the period's batches, computed again, is what the period keeps and what the statement states. */
async function checkCommitment(
  reader: Reader,
  period: SettlementPeriod,
  statement: Statement,
  findings: Findings,
): Promise<void> {
  const textOf = (size: number, root: string) => `${size} batches, root ${root}`;
  const partner = { tenantNo: period.tenantNo, no: period.partnerNo };
  const { size, root } = await recomputedCommitment(reader, partner, period.no);
  const kept = commitmentOf(frontierOf(period));
  const { transactions: stated } = documentOf(statement);
  const found = new Map([
    ["kept", textOf(kept.size, kept.root)],
    ...(stated === undefined ? [] : [["stated", textOf(stated.batches, stated.root)] as const]),
  ]);
  const expected = new Map([...found.keys()].map((name) => [name, textOf(size, root)]));
  findings.compare(Check.COMMITMENTS, `${statement.id} transactions`, expected, found);
}

/** POSITION is written by statements alone, so it is the last closing with its sign turned. */
async function checkPositions(
  reader: Reader,
  { tenantNo, no, id }: Book,
  positions: ReadonlyMap<string, string>,
  findings: Findings,
): Promise<void> {
  const rows: { currency: string; balance: string }[] = await reader.query(
    `select currency, balance_minor as balance from account
     where tenant_no = ? and partner_no = ? and account = 'POSITION'`,
    [tenantNo, no],
  );
  const zeroIsNothing = (entries: Iterable<readonly [string, string]>) =>
    new Map([...entries].filter(([, balance]) => balance !== "0"));
  const held = rows.map(({ currency, balance }) => [currency, String(balance)] as const);
  findings.compare(Check.STATEMENTS, `${id} POSITION`, zeroIsNothing(positions), zeroIsNothing(held));
}

/** Whether the document can be read at all; that it can not is a difference by itself. */
function isReadable(statement: Statement): boolean {
  try {
    assert(documentOf(statement).jti !== "", "a statement names itself");
    return true;
  } catch {
    return false; // `checkDocument` has said why
  }
}

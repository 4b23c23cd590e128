import { present } from "../kernel/assert.js";
import { TransactionKind } from "../periods/entities.js";
import { parseConfiguration } from "./document.js";
import type { StatementDocument } from "./statement-schema.js";
import type { KindTotal } from "./terms/activity.js";
import type { CreditFacts } from "./terms/credit.js";
import { parseExact } from "./terms/exact.js";

const PURCHASE: string = TransactionKind.CREDIT_PURCHASE;

/** Prepaid credit as a statement states it; null where it states none. */
export function creditOn({ credit, configuration, period, scale }: StatementDocument): CreditFacts | null {
  if (credit === undefined) return null;
  const minor = (text: string) => parseExact(text, scale)?.n ?? 0n;
  return {
    isDrawn: parseConfiguration(configuration.document).credit !== undefined,
    endsAt: new Date(period.end),
    lots: credit.lots.map(({ expiresAt, face, cost, remaining, drawn, settled, expired, ...lot }) => ({
      ...{ ...lot, expiresAt: expiresAt === null ? null : new Date(expiresAt) },
      ...{ faceMinor: minor(face), costMinor: minor(cost), remainingMinor: minor(remaining) },
      ...{ drawnMinor: minor(drawn), settledMinor: minor(settled), expiredMinor: minor(expired) },
    })),
  };
}

/** What of the stated lots cannot be, each `<JSON pointer> …`: amounts, their order, that they are what was bought. */
export function creditFaults(statement: StatementDocument, totals: readonly KindTotal[]): readonly string[] {
  const faults = [...amountFaults(statement), ...orderFaults(statement)];
  return faults.length > 0 ? faults : purchaseFaults(totals, creditOn(statement));
}

/** Lots stand in the order of drawing: priority, earliest expiry, and whatever nobody else can know. */
function orderFaults({ credit }: StatementDocument): readonly string[] {
  const ranks = (credit?.lots ?? []).map(({ priority, expiresAt }) => {
    return [
      priority ?? Number.POSITIVE_INFINITY,
      expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt),
    ];
  }) as [priority: number, expiry: number][];
  const isAfter = ([priority, expiry]: [number, number], [above, earlier]: [number, number]) => {
    return priority === above ? expiry >= earlier : priority > above;
  };
  const isInOrder = ranks.slice(1).every((rank, index) => isAfter(rank, present(ranks[index], "a lot before")));
  return isInOrder ? [] : ["/credit/lots are not in the order of drawing"];
}

function amountFaults({ credit, scale }: StatementDocument): readonly string[] {
  return (credit?.lots ?? []).flatMap(({ face, cost, remaining, drawn, settled, expired }, index) => {
    const at = `/credit/lots/${index}`;
    const odd = Object.entries({ face, cost, remaining, drawn, settled, expired }).filter(
      ([, text]) => parseExact(text, scale)?.d !== 1n,
    );
    const faults = odd.map(([name]) => `${at}/${name} is not a number of whole minor units`);
    const minor = (text: string) => parseExact(text, scale)?.n ?? 0n;
    if (minor(face) <= 0n) return [...faults, `${at}/face is not above zero`];
    const held = [remaining, drawn, settled, expired].map(minor);
    const isLess = held.every((part) => part >= 0n) && held.reduce((sum, part) => sum + part) <= minor(face);
    return isLess ? faults : [...faults, `${at} holds what is not of its face`];
  });
}

/** The lots that were bought in the period are what was posted of purchases. */
function purchaseFaults(totals: readonly KindTotal[], credit: CreditFacts | null): readonly string[] {
  const posted = totals.reduce((sum, { kind, sumMinor }) => {
    return sum + (kind === PURCHASE ? sumMinor : kind === `ROLLBACK_${PURCHASE}` ? -sumMinor : 0n);
  }, 0n);
  const bought = (credit?.lots ?? []).reduce((sum, { faceMinor, isBought, isTakenBack }) => {
    return sum + faceMinor * (BigInt(isBought) - BigInt(isTakenBack));
  }, 0n);
  const isMissing = credit === null && totals.some(({ kind }) => kind.endsWith(PURCHASE));
  return posted === bought && !isMissing ? [] : ["/credit/lots are not what was bought by /totals"];
}

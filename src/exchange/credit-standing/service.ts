import { type Page, type PageRequest, pageOf, pageStart } from "../../kernel/page.js";
import { earliestOpen } from "../../periods/service.js";
import type { App } from "../../platform/app.js";
import { readSnapshot } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { CreditLot, type WhenExhausted } from "../credit/entities.js";
import { availableMinor, heldIn, isGoodAt } from "../credit/rules.js";
import { knownCredit } from "../credit/service.js";
import { creditTermsOf } from "../credit-terms/service.js";

/** How a partner's credit stands in one currency, in minor units. */
export interface CreditStanding {
  readonly currency: string;
  /** What the lots hold that has not expired. */
  readonly balanceMinor: bigint;
  readonly creditLimitMinor: bigint;
  readonly reservedMinor: bigint;
  /** `balance + creditLimit - reserved` (domain 10). */
  readonly availableMinor: bigint;
  /** Null where the terms now in force say nothing of credit. */
  readonly whenExhausted: WhenExhausted | null;
}

/**
 * A partner's credit by currency, as of one instant: where it ever bought any, and where the terms of the open period
 * speak of it.
 */
export async function creditStanding(app: App, partner: Partner): Promise<CreditStanding[]> {
  const now = app.clock.now();
  return readSnapshot(app, async (reader) => {
    const [known, period] = [await knownCredit(reader, partner), await earliestOpen(reader, partner)];
    const configurationIds = period === null ? [] : [period.configurationId];
    const termsOf = await creditTermsOf(reader, partner.tenantNo, configurationIds);
    const good = known.lots.filter((lot) => isGoodAt(lot, now));
    return partner.currencies.flatMap((currency) => {
      const terms = period === null ? null : termsOf(period.configurationId, currency);
      const level = known.levels.get(currency) ?? null;
      if (terms === null && level === null) return [];
      const [heldMinor, reservedMinor] = [heldIn(good, currency), level?.reservedMinor ?? 0n];
      return {
        ...{ currency, balanceMinor: heldMinor, reservedMinor, whenExhausted: terms?.whenExhausted ?? null },
        creditLimitMinor: terms?.creditLimitMinor ?? 0n,
        availableMinor: availableMinor({ heldMinor, level: { reservedMinor }, terms }),
      };
    });
  });
}

/** Which of a partner's lots; null is any currency. */
export interface LotFilter {
  readonly currency: string | null;
  /** Only those that hold something, or are drawn and have met nothing yet. */
  readonly isOpen: boolean;
}

/** A partner's lots, oldest first. */
export async function lotsOf(
  app: App,
  partner: Partner,
  filter: LotFilter,
  request: PageRequest,
): Promise<Page<CreditLot>> {
  const { rows, after } = pageStart(request, "credit-lots");
  const query = selection(app, partner, filter);
  if (after !== null) query.andWhere("lot.no > :after", { after });
  const found = await query
    .orderBy("lot.no")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ no }) => String(no));
}

/** How many such lots a partner has. */
export async function countLots(app: App, partner: Partner, filter: LotFilter): Promise<number> {
  return selection(app, partner, filter).getCount();
}

function selection(app: App, { tenantNo, no }: Partner, { currency, isOpen }: LotFilter) {
  const query = app.database.manager
    .createQueryBuilder(CreditLot, "lot")
    .where("lot.tenantNo = :tenantNo and lot.partnerNo = :no", { tenantNo, no });
  if (currency !== null) query.andWhere("lot.currency = :currency", { currency });
  if (isOpen) query.andWhere("lot.isOpen = true");
  return query;
}

import type { Actor } from "../../src/kernel/actor.js";
import { AccountName } from "../../src/ledger/entities.js";
import { balanceOf } from "../../src/ledger/service.js";
import { approvePayoutAccount, registerPayoutAccount } from "../../src/settlement/payout-accounts/service.js";
import type { PayoutOrder } from "../../src/settlement/payout-planning/service.js";
import { approveStatement, releaseStatement } from "../../src/settlement/reviews/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import type { TestApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import type { SeededTenant } from "../support/seeds.js";
import { openPlace, type Place, report } from "./place.js";

/** Everything that is payable in euros, whatever its date. */
export const EUROS: PayoutOrder = { currency: "EUR", dueThrough: null, executeFrom: null, partnerIds: null };

const IBANS = ["DE89370400440532013000", "FR1420041010050500013M02606", "NO9386011117947", "GB82WEST12345698765432"];
const { base: _, ...DAILY } = example("config-daily-12pct");
const BASE = { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" };

/** What a test wants otherwise of a partner that is paid what its jackpots contribute. */
export interface PaidPlace {
  readonly home?: SeededTenant;
  readonly code?: string;
  readonly payout?: object;
  readonly netting?: object;
  /** Receivers with an approved account; the empty one is the partner itself. */
  readonly payees?: readonly string[];
}

/** A partner that settles daily in euros, with approved accounts, in a tenant that has one to pay from. */
export async function openPaid(app: TestApp, startsAt: string, wanted: PaidPlace = {}): Promise<Place> {
  const { home, code, payout = { minimum: "0", negative: "COLLECT" }, netting, payees = [""] } = wanted;
  app.clock.set(startsAt);
  const document = { ...DAILY, base: BASE, payout, ...(netting === undefined ? {} : { netting }) };
  const changes = { document, currencies: ["EUR"], ...(home && { home }), ...(code && { code }) };
  const place = await openPlace(app, startsAt, changes);
  if (home === undefined) await openAccount(app, place.shell, { partnerId: null });
  for (const payee of payees) await openAccount(app, place.shell, { partnerId: place.partner.id, payee });
  return place;
}

/** Registers and approves an account at the shell. */
export async function openAccount(
  app: TestApp,
  shell: Actor,
  { partnerId, payee = "", currency = "EUR" }: { partnerId: string | null; payee?: string; currency?: string },
): Promise<string> {
  const iban = IBANS[payee.length % IBANS.length] ?? null;
  const holder = { holderName: `Holder ${payee}`, latinName: null, country: "DE", town: "Berlin" };
  const { id } = await registerPayoutAccount(app, shell, { partnerId, payee, currency, ...holder, iban });
  await approvePayoutAccount(app, shell, id);
  return id;
}

/** Settles a day on which a partner is owed an amount, or owes it; answers the statement, which nobody approved yet. */
export async function earn(app: TestApp, place: Place, day: string, euros: string): Promise<string> {
  const [kind, amount] = euros.startsWith("-") ? ["JACKPOT_WIN", euros.slice(1)] : ["JACKPOT_CONTRIBUTION", euros];
  app.clock.set(`${day}T01:00:00.000Z`);
  await report(app, place, [{ kind, amount, currency: "EUR", occurredAt: `${day}T00:30:00.000Z` }]);
  const through = new Date(`${day}T15:00:00.000Z`);
  app.clock.set(through);
  const rows = await settle(app, place.shell, { partnerId: place.partner.id, through });
  return rows.find(({ end }) => new Date(end).getTime() === through.getTime())?.statementId ?? "";
}

/** Approves and releases a statement at the shell. */
export async function release(app: TestApp, { shell }: Place, statementId: string): Promise<void> {
  await approveStatement(app, shell, statementId);
  await releaseStatement(app, shell, statementId);
}

/** A statement of an amount that may be paid. */
export async function released(app: TestApp, place: Place, day: string, euros: string): Promise<string> {
  const id = await earn(app, place, day, euros);
  await release(app, place, id);
  return id;
}

/** What the books say of a partner: released and not paid, cash and others, the position, in cents. */
export async function booksOf(app: TestApp, { partner }: Place, currency = "EUR"): Promise<Record<string, bigint>> {
  const reader = app.database.manager;
  const { PAYABLE, CLEARING, POSITION } = AccountName;
  const balances = [PAYABLE, CLEARING, POSITION].map(async (name) => {
    return [name, await balanceOf(reader, partner, name, currency)] as const;
  });
  return Object.fromEntries(await Promise.all(balances));
}

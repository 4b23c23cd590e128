import { CompactSign } from "jose";
import { Batch } from "../../src/exchange/entities.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import type { Actor } from "../../src/kernel/actor.js";
import { periodsOf } from "../../src/periods/closing/service.js";
import type { PeriodState, SettlementPeriod } from "../../src/periods/entities.js";
import { performFlow } from "../../src/platform/flows.js";
import { activateConfiguration, draftConfiguration } from "../../src/settlement/configurations/service.js";
import type { Configuration } from "../../src/settlement/entities.js";
import { dueJob } from "../../src/settlement/flows/jobs.js";
import { approveGameSettings, type NewGameSettings, setGameSettings } from "../../src/settlement/games/service.js";
import type { StoredRate } from "../../src/settlement/rates/entities.js";
import { approveExchangeRate, enterExchangeRate, type NewExchangeRate } from "../../src/settlement/rates/service.js";
import type { NewPartner } from "../../src/tenancy/service.js";
import type { TestApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { type SeededPartner, type SeededTenant, seedPartner, seedTenant } from "../support/seeds.js";

/** A transaction as a partner reports it; what a test does not say is filled in. */
export type Reported = Readonly<Record<string, unknown>> & { readonly kind: string; readonly occurredAt: string };

/** A partner that is settled by a contract, and what it takes to report for it. */
export interface Place extends SeededPartner {
  readonly home: SeededTenant;
  /** The operator's shell in the tenant. */
  readonly shell: Actor;
  readonly configuration: Configuration;
}

/** What a test wants otherwise than daily periods in Seoul, 12 % of GGR less bonuses, in dollars. */
export interface PlaceChanges extends Partial<NewPartner> {
  readonly document?: unknown;
  readonly home?: SeededTenant;
}

let batches = 0;

/** A partner of a new tenant whose first period starts at an instant. */
export async function openPlace(
  app: TestApp,
  effectiveFrom: string,
  { document = example("config-daily-12pct"), home, ...changes }: PlaceChanges = {},
): Promise<Place> {
  const tenant = home ?? (await seedTenant(app));
  const partner = await seedPartner(app, tenant, { currencies: ["USD"], ...changes });
  const configuration = await activate(app, { shell: tenant.actor, partner: partner.partner }, document, effectiveFrom);
  return { ...partner, home: tenant, shell: tenant.actor, configuration };
}

/** Enters an exchange rate and lets it stand, at the shell. */
export async function quoteRate(
  app: TestApp,
  { shell }: Pick<Place, "shell">,
  rate: NewExchangeRate,
): Promise<StoredRate> {
  return approveExchangeRate(app, shell, (await enterExchangeRate(app, shell, rate)).id);
}

/** Drafts and activates a version at the shell. */
export async function activate(
  app: TestApp,
  { shell, partner }: Pick<Place, "shell" | "partner">,
  document: unknown,
  effectiveFrom: string,
): Promise<Configuration> {
  const draft = await draftConfiguration(app, shell, { partnerId: partner.id, document });
  return activateConfiguration(app, shell, { configurationId: draft.id, effectiveFrom: new Date(effectiveFrom) });
}

/** Sets what holds for a game or a game type, at the shell. */
export async function setGame(app: TestApp, { shell }: Pick<Place, "shell">, settings: NewGameSettings): Promise<void> {
  await approveGameSettings(app, shell, (await setGameSettings(app, shell, settings)).id);
}

/** Signs and submits transactions as the partner, without waiting for their posting. */
export async function submit(
  app: TestApp,
  place: Place,
  reported: readonly Reported[],
  mode = "INDEPENDENT",
): Promise<Batch> {
  batches += 1;
  const transactions = reported.map((item, index) => ({
    id: `t-${batches}-${index}`,
    ...(item.kind === "FEE" ? {} : { product: "crash", player: "p1" }),
    currency: "USD",
    ...item,
  }));
  const { key, tenant, partner, actor } = place;
  const iat = Math.floor(app.clock.now().getTime() / 1000);
  const payload = { iss: partner.id, aud: tenant.id, jti: `batch-${batches}`, iat, mode, transactions };
  const jws = await new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: "quittance-batch+jws" })
    .sign(key.privateKey);
  return (await submitBatch(app, actor, { jws, waitMs: 0 })).batch;
}

/** Submits transactions and posts them, every one. */
export async function report(app: TestApp, place: Place, reported: readonly Reported[]): Promise<void> {
  const { tenantNo, no } = await submit(app, place, reported);
  await postBatches(app, place.partner);
  const batch = await app.database.manager.findOneBy(Batch, { tenantNo, no });
  if (batch?.postedCount !== reported.length) throw new Error("not every transaction was posted");
}

/** Settles what fell due for a partner, as the schedule does. */
export async function closeDue(app: TestApp, { partner }: Pick<Place, "partner">): Promise<void> {
  const { tenantId, tenantNo, id: partnerId } = partner;
  await performFlow(app, dueJob({ tenantId, tenantNo, partnerId }));
}

/** The partner's periods in order. */
export async function periods(
  app: TestApp,
  place: Pick<Place, "partner">,
  state: PeriodState | null = null,
): Promise<readonly SettlementPeriod[]> {
  return (await periodsOf(app, place.partner, state, { first: 500 })).rows;
}

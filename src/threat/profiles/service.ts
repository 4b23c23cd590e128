import { z } from "zod";
import { BoundedMap } from "../../kernel/bounded-map.js";
import type { App } from "../../platform/app.js";
import { transact } from "../../platform/database.js";
import { perApp } from "../../platform/per-app.js";
import type { Partner } from "../../tenancy/entities.js";
import { StoredProfile } from "../entities.js";
import { HOURS } from "../statistics/rules.js";
import { PartnerProfile, type SeenBatch } from "./rules.js";

const PROFILES_KEPT_MAX = 5_000;
/** A process writes down what it learned of a partner no more often. */
const SAVE_MS = 60_000;

interface Kept {
  readonly profile: PartnerProfile;
  savedAtMs: number;
}

const profiles = perApp(() => new BoundedMap<string, Kept | Promise<Kept>>(PROFILES_KEPT_MAX));

/**
 * What this process knows to be usual for a partner. The first time it takes up what some process had written down; a
 * partner of whom nothing can be read has no past.
 */
export async function profileOf(app: App, partner: Partner): Promise<PartnerProfile> {
  return (await keptOf(app, partner)).profile;
}

/** Learns a batch that was accepted, and writes down what is known of its partner now and then, beside the work. */
export async function learnBatch(app: App, partner: Partner, seen: SeenBatch): Promise<void> {
  const kept = await keptOf(app, partner);
  kept.profile.learn(seen);
  if (performance.now() - kept.savedAtMs < SAVE_MS) return;
  kept.savedAtMs = performance.now();
  saveProfile(app, partner).catch((error: unknown) => app.log.warn({ err: error }, "threat: a profile was not saved"));
}

/** Writes down what this process knows of a partner, in the place of what was there. */
export async function saveProfile(app: App, partner: Partner): Promise<void> {
  const { profile } = await keptOf(app, partner);
  const row = [partner.tenantNo, partner.no, app.clock.now(), JSON.stringify(profile.stored())];
  await transact(app, (tx) =>
    tx.query(
      `insert into threat_profile (tenant_no, partner_no, taken_at, profile) values (?)
       on duplicate key update taken_at = values(taken_at), profile = values(profile)`,
      [row],
    ),
  );
}

function keptOf(app: App, partner: Partner): Kept | Promise<Kept> {
  const all = profiles(app);
  const known = all.get(partner.id);
  if (known !== undefined) return known;
  const loading = load(app, partner).then((profile) => {
    const kept = { profile, savedAtMs: performance.now() };
    all.set(partner.id, kept);
    return kept;
  });
  all.set(partner.id, loading);
  return loading;
}

async function load(app: App, { tenantNo, no: partnerNo }: Partner): Promise<PartnerProfile> {
  try {
    const stored = await app.database.manager.findOneBy(StoredProfile, { tenantNo, partnerNo });
    if (stored === null) return new PartnerProfile();
    const content = profileSchema.safeParse(JSON.parse(stored.profile));
    return new PartnerProfile(content.success ? content.data : null);
  } catch (error) {
    app.log.warn({ err: error }, "threat: a profile was not read"); // a hint: it is learned anew
    return new PartnerProfile();
  }
}

const moments = z.object({ count: z.number(), mean: z.number(), variance: z.number().min(0) });

/** A release that keeps something else does not understand it, and begins anew. */
const profileSchema = z.object({
  v: z.literal(1),
  firstSeenMs: z.number(),
  batches: z.number(),
  volume: moments,
  amounts: z.array(z.tuple([z.string(), moments])),
  networks: z.object({ names: z.array(z.string()), novelty: z.number() }),
  hours: z.object({ shares: z.array(z.number()).max(HOURS), count: z.number() }),
});

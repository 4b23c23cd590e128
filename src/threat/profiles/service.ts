import { z } from "zod";
import { BoundedMap } from "../../kernel/bounded-map.js";
import { sha256 } from "../../kernel/digest.js";
import { judgedNetwork } from "../../kernel/network.js";
import type { App } from "../../platform/app.js";
import { transact } from "../../platform/database.js";
import { perApp } from "../../platform/per-app.js";
import type { Partner } from "../../tenancy/entities.js";
import { type Vault, vaultOf } from "../../tenancy/vaults/service.js";
import { StoredProfile } from "../entities.js";
import { HOURS } from "../statistics/rules.js";
import { PartnerProfile, type SeenBatch, type StoredProfileContent } from "./rules.js";

const PROFILES_KEPT_MAX = 5_000;
/** A process writes down what it learned of a partner no more often. */
const SAVE_MS = 60_000;

interface Kept {
  readonly profile: PartnerProfile;
  savedAtMs: number;
}

const NETWORK_NAME_CHARS = 12;
const NETWORKS_KEPT_MAX = 10_000;
const REKEYED_MAX = 500;

const networkNames = perApp(() => new BoundedMap<string, string>(NETWORKS_KEPT_MAX));
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

/**
 * Names the networks of addresses as a tenant's profiles keep them: by a short HMAC under the tenant's data key, since
 * it is enough to know one again, and there are so few networks that a plain hash is guessed.
 */
export async function networkNamer(app: App, tenantId: string): Promise<(address: string) => string> {
  const [vault, names] = [await vaultOf(app, tenantId), networkNames(app)];
  return (address) => {
    const key = `${tenantId} ${address}`;
    const name = names.get(key) ?? keyedName(vault, plainName(judgedNetwork(address)));
    names.set(key, name);
    return name;
  };
}

/**
 * Gives the networks of profiles that a release before this one wrote down names under their tenants' keys. Answers how
 * many profiles it was.
 */
export async function rekeyProfilesForAllTenants(app: App): Promise<number> {
  const rows: { tenantId: string; tenantNo: number; partnerNo: number; profile: string }[] = await app.database.query(
    `/* all tenants */ select tenant.id as tenantId, threat_profile.tenant_no as tenantNo, partner_no as partnerNo,
       profile from threat_profile join tenant on tenant.no = threat_profile.tenant_no
     where profile like '{"v":1,%' limit ?`,
    [REKEYED_MAX],
  );
  for (const { tenantId, tenantNo, partnerNo, profile } of rows) {
    const content = contentOf(await vaultOf(app, tenantId), profile);
    const kept = JSON.stringify(content ?? new PartnerProfile().stored());
    await transact(app, (tx) =>
      tx.query("update threat_profile set profile = ? where tenant_no = ? and partner_no = ? and profile = ?", [
        ...[kept, tenantNo, partnerNo, profile],
      ]),
    );
  }
  return rows.length;
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

async function load(app: App, { tenantId, tenantNo, no: partnerNo }: Partner): Promise<PartnerProfile> {
  try {
    const stored = await app.database.manager.findOneBy(StoredProfile, { tenantNo, partnerNo });
    if (stored === null) return new PartnerProfile();
    return new PartnerProfile(contentOf(await vaultOf(app, tenantId), stored.profile));
  } catch (error) {
    app.log.warn({ err: error }, "threat: a profile was not read"); // a hint: it is learned anew
    return new PartnerProfile();
  }
}

/** The short hash by which networks were kept before they were kept under a key. */
function plainName(network: string): string {
  return sha256(network).toString("base64url").slice(0, NETWORK_NAME_CHARS);
}

function keyedName(vault: Vault, plain: string): string {
  return vault.mac(`network:${plain}`).toString("base64url").slice(0, NETWORK_NAME_CHARS);
}

/** A stored profile, its networks under the tenant's key; null for what this release does not understand. */
function contentOf(vault: Vault, text: string): StoredProfileContent | null {
  const { success, data } = profileSchema.safeParse(parsed(text));
  if (!success) return null;
  const { v, networks, ...rest } = data;
  const names = v === 2 ? networks.names : networks.names.map((name) => keyedName(vault, name));
  return { ...rest, v: 2, networks: { ...networks, names } };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // which nobody understands either
  }
}

const moments = z.object({ count: z.number(), mean: z.number(), variance: z.number().min(0) });

/** A release that keeps something else does not understand it, and begins anew. */
const profileSchema = z.object({
  v: z.literal([1, 2]),
  firstSeenMs: z.number(),
  batches: z.number(),
  volume: moments,
  amounts: z.array(z.tuple([z.string(), moments])),
  networks: z.object({ names: z.array(z.string()), novelty: z.number() }),
  hours: z.object({ shares: z.array(z.number()).max(HOURS), count: z.number() }),
});

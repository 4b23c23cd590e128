import "reflect-metadata";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "../src/identity/clients/service.js";
import { shellActor } from "../src/kernel/actor.js";
import { later, systemClock } from "../src/kernel/clock.js";
import { newId } from "../src/kernel/ids.js";
import { newKeyPair } from "../src/kernel/key-pairs.js";
import { readConfig } from "../src/platform/config.js";
import { closeApp, openApp } from "../src/platform/open-app.js";
import { databaseSchema } from "../src/server/database.js";
import { signBatch } from "../src/server/partner/payload.js";
import { openSession, type Session } from "../src/server/partner-client.js";
import { activateConfiguration, draftConfiguration } from "../src/settlement/configurations/service.js";
import { PartnerKind } from "../src/tenancy/entities.js";
import { createPartner, createTenant } from "../src/tenancy/service.js";
import { HOME, type Installation } from "./installation.js";

/** A partner of the installation that is measured, and its side of the API. */
export interface BenchPartner {
  /** Its place among the partners, from 0. */
  readonly index: number;
  readonly id: string;
  readonly tenantId: string;
  readonly clientId: string;
  /** Its private JWK. */
  readonly keyFile: string;
  readonly session: Session;
  /** A signed batch of these items, each JSON text; good for five minutes. */
  sign(jti: string, items: readonly string[]): Promise<string>;
}

/** As many as quality.md says; one for each posting partition. */
const PARTNERS = 8;
const HISTORY_MS = 3 * 86_400_000;
const SCOPES = ["batches:submit", "batches:read", "balances:read"];

/**
 * Sets up a tenant with eight partners, each with a client, a key and an active configuration, at the server's own
 * shell.
 */
export async function createPartners({ dataDir, url }: Installation): Promise<BenchPartner[]> {
  const app = await openApp({ ...readConfig({ dataDir }), logLevel: "silent" }, databaseSchema);
  try {
    const tenant = await createTenant(app, null, "Benchmark");
    const actor = shellActor({ tenantId: tenant.id, tenantNo: tenant.no }, newId("req", systemClock));
    const document: unknown = JSON.parse(readFileSync(join(HOME, "docs/examples/config-daily-12pct.json"), "utf8"));
    const effectiveFrom = later(systemClock.now(), -HISTORY_MS);
    const partners: BenchPartner[] = [];
    for (let index = 0; index < PARTNERS; index++) {
      const code = `bench-${index}`;
      const { id: partnerId } = await createPartner(app, actor, {
        ...{ code, name: code, kind: PartnerKind.GAME_PROVIDER, currencies: ["USD"], timezone: "Etc/UTC" },
      });
      const { keyFile, jwks } = writeKey(dataDir, code);
      const client = await createClient(app, actor, { partnerId, name: code, scopes: SCOPES, jwks });
      const draft = await draftConfiguration(app, actor, { partnerId, document });
      await activateConfiguration(app, actor, { configurationId: draft.id, effectiveFrom });
      const session = await openSession({ url, clientId: client.id, keyFile });
      const parties = { iss: partnerId, aud: tenant.id };
      const sign: BenchPartner["sign"] = (jti, items) => signBatch(session, parties, { jti, items });
      const side = { clientId: client.id, keyFile, session, sign };
      partners.push({ index, id: partnerId, tenantId: tenant.id, ...side });
    }
    return partners;
  } finally {
    await closeApp(app);
  }
}

function writeKey(dataDir: string, kid: string): { keyFile: string; jwks: string } {
  const { privateKey, publicKey } = newKeyPair("ed25519");
  const keyFile = join(dataDir, `${kid}.json`);
  const names = { kid, alg: "EdDSA" };
  writeFileSync(keyFile, JSON.stringify({ ...privateKey.export({ format: "jwk" }), ...names }), { mode: 0o600 });
  return { keyFile, jwks: JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), ...names }] }) };
}

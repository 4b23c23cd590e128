import { present } from "../../kernel/assert.js";
import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";
import { encryptionJwksForAllTenants } from "../encryption-keys/service.js";
import { publicKeysByKidForAllTenants, publicKeysForAllTenants } from "../platform-keys/service.js";

/** A JWK Set (RFC 7517, section 5) as JSON text, and the state of the keys that it shows. */
interface Published {
  state: string;
  text: string;
}

/** Ours are thumbprints in base64url; the column holds no other letters. */
const KID = /^[A-Za-z0-9_-]{1,128}$/;

const published = perApp((): Published => ({ state: "", text: "" }));

/**
 * The JWK Set of all that the platform signs with, signed with and is to be encrypted for. A process keeps the text and
 * asks the database whether it is still right, so that a key made or withdrawn by any process shows in each at once.
 */
export async function publishedJwkSet(app: App): Promise<string> {
  const kept = published(app);
  const state = await stateForAllTenants(app);
  if (state === kept.state) return kept.text;
  const keys = [...(await publicKeysForAllTenants(app)), ...(await encryptionJwksForAllTenants(app))];
  kept.text = JSON.stringify({ keys });
  kept.state = state;
  return kept.text;
}

/**
 * The JWK Set of the one key of that kid with which the platform signs or ever signed; an empty one where there is
 * none. The whole set has a limit, and this has none.
 */
export async function jwkSetOf(app: App, kid: string): Promise<string> {
  return JSON.stringify({ keys: KID.test(kid) ? await publicKeysByKidForAllTenants(app, kid) : [] });
}

/** Changes whenever a key is made, retired, withdrawn or destroyed. */
async function stateForAllTenants(app: App): Promise<string> {
  const [row] = await app.database.query(
    `select /* all tenants */ count(*) as kept, count(retired_at) as retired, max(id) as newest,
       max(compromised_at) as compromised, count(compromised_at) as withdrawn from platform_key`,
  );
  return JSON.stringify(present(row, "a count"));
}

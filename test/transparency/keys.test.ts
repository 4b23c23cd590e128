import type { QueryRunner } from "typeorm";
import { expect, test } from "vitest";
import { CheckpointsKeptElsewhere0000000000034 } from "../../migrations/0034-checkpoints-kept-elsewhere.js";
import { platformSigner } from "../../src/identity/platform-keys/service.js";
import { closeApp } from "../../src/platform/open-app.js";
import { noteKeyId, parseVerifierKey, verifyNote } from "../../src/transparency/checkpoint.js";
import { logSigner, logVerifiers } from "../../src/transparency/keys/service.js";
import { openTestApp, testApp } from "../support/app.js";
import { growSigned } from "../support/log.js";
import { seedTenant } from "../support/seeds.js";

const app = await testApp();

test("a log has one key of its own under a lasting name, whichever process asks, and not the platform's", async () => {
  const { actor, tenant } = await seedTenant(app);
  const [one, two] = await Promise.all([logSigner(app, actor), logSigner(app, actor)]);
  expect(one).toMatchObject({ name: `quittance/${tenant.id}`, verifierKey: two.verifierKey, generation: 1 });
  const { publicKey } = await platformSigner(app, tenant.id);
  expect(parseVerifierKey(one.verifierKey)?.publicKey.equals(publicKey)).toBe(false);
});

test("it lies sealed, and does not open under another master key", async () => {
  const { actor, tenant } = await seedTenant(app);
  await logSigner(app, actor);
  const [row] = await app.database.query("select * from log_key where tenant_no = ?", [tenant.no]);
  expect(row.private_jwk_sealed.toString("latin1")).not.toContain("kty");
  expect(row.public_jwk).not.toContain('"d"');
  const stolen = await openTestApp({ config: { masterKey: Buffer.alloc(32, 8) } });
  await expect(logSigner(stolen, actor)).rejects.toThrow("is not configured");
  await closeApp(stolen);
});

test("a log that was signed before it had a key of its own goes on under the key that signed it", async () => {
  const home = await seedTenant(app);
  const { publicKey } = await platformSigner(app, home.tenant.id);
  await growSigned(app, home, 2);
  const statements: string[] = [];
  const recorder = { query: async (sql: string) => void statements.push(sql) };
  await new CheckpointsKeptElsewhere0000000000034().up(recorder as unknown as QueryRunner);
  await app.database.query("delete from log_key");
  await app.database.query(statements.at(-1) ?? "");
  const { name, verifierKey } = await logSigner(app, home.actor);
  expect(parseVerifierKey(verifierKey)).toMatchObject({ name, keyId: noteKeyId(name, publicKey) });
  const { note } = await growSigned(app, home, 2, 2);
  const verdict = verifyNote(note, await logVerifiers(app.database.manager, home.tenant.no));
  expect(verdict).toMatchObject({ valid: true, names: [`quittance/${home.tenant.id}`] });
});

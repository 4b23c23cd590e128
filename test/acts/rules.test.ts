import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { EVIDENCE, missingEvidence } from "../../src/acts/rules.js";
import { recordActs } from "../../src/acts/service.js";
import { transact } from "../../src/platform/database.js";
import { testApp } from "../support/app.js";
import { seedTenant } from "../support/seeds.js";

const app = await testApp();
const types = Object.values(ActType);

/** The text of every source file but those of the list itself. */
const source = readdirSync(resolve("src"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts") && !path.startsWith("acts/"))
  .map((path) => readFileSync(resolve("src", path), "utf8"))
  .join("\n");

test.each(types)("%s is recorded somewhere, by one name alone", (type) => {
  expect(source).toMatch(new RegExp(`ActType\\.${type}\\b`));
  expect(ActType[type]).toBe(type);
});

test.each(types)("%s is refused without what it must hold, and taken with it", (type) => {
  const whole = { before: {}, after: { reason: "why" } };
  expect(missingEvidence(type, whole)).toBeNull();
  expect(missingEvidence(type, {})).toBe("after");
  const { before, reason } = EVIDENCE[type];
  expect(missingEvidence(type, { after: whole.after })).toBe(before ? "before" : null);
  expect(missingEvidence(type, { before: {}, after: {} })).toBe(reason ? "reason" : null);
  expect(missingEvidence(type, { before: {}, after: { reason: "" } })).toBe(reason ? "reason" : null);
});

test("an act that lacks what it must hold takes the change that it tells of with it", async () => {
  const { actor, tenant } = await seedTenant(app);
  const act = { type: ActType.KEY_REVOKED, subjectId: "key", partner: null, before: {}, after: {} };
  const work = transact(app, async (tx) => {
    await tx.query("update tenant set name = 'changed' where id = ?", [tenant.id]);
    await recordActs(tx, actor, app.clock.now(), [act]);
  });
  await expect(work).rejects.toThrow("an act KEY_REVOKED says what it must: reason");
  const [{ name }] = await app.database.query("select name from tenant where id = ?", [tenant.id]);
  expect(name).toBe("Tenant");
});

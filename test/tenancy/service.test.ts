import { describe, expect, test } from "vitest";
import { Act, ActType } from "../../src/acts/entities.js";
import { type Actor, PrincipalKind } from "../../src/kernel/actor.js";
import { closeApp } from "../../src/platform/open-app.js";
import { dimensionNumbers } from "../../src/tenancy/dimensions/service.js";
import { PartnerKind, Tenant } from "../../src/tenancy/entities.js";
import {
  countPartners,
  createPartner,
  createTenant,
  ensurePlatformTenant,
  type NewPartner,
  PLATFORM_TENANT_ID,
  partnerNamedOrOwn,
  partnerOf,
  partnersOf,
  playerKeyOf,
  tenantOf,
} from "../../src/tenancy/service.js";
import { openTestApp, testApp } from "../support/app.js";
import { seedTenant } from "../support/seeds.js";

const app = await testApp();
const provider: NewPartner = {
  ...{ code: "P-1", name: "Provider", kind: PartnerKind.GAME_PROVIDER, timezone: "Asia/Seoul", currencies: ["BTC"] },
};
const partnerActor = (actor: Actor, partnerId: string): Actor => ({ ...actor, kind: PrincipalKind.PARTNER, partnerId });

describe("tenants", () => {
  test("a new tenant's first act is its own creation", async () => {
    const { tenant, actor } = await seedTenant(app, "  Casino ");
    expect(tenant.name).toBe("Casino");
    const [act] = await app.database.manager.findBy(Act, { tenantNo: actor.tenantNo });
    expect(act).toMatchObject({ type: ActType.TENANT_CREATED, subjectId: tenant.id, principalKind: "OPERATOR_SHELL" });
  });

  test("the same key makes one tenant, and only one", async () => {
    const { actor } = await seedTenant(app);
    const made = await Promise.all([1, 2, 3].map(() => createTenant(app, actor, "Once", "tenant-1")));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    await expect(createTenant(app, actor, "Twice", "tenant-1")).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
  });

  test.each(["", "   ", "x".repeat(201)])("a name has 1 to 200 characters", async (name) => {
    await expect(createTenant(app, null, name)).rejects.toMatchObject({ code: "VALIDATION" });
  });

  test("what is no tenant is not found, however it is spelt", async () => {
    for (const id of ["tnt_01kb000000000000000000000z", "", "한국", "ptn_01kb000000000000000000000z"]) {
      await expect(tenantOf(app, id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
  });

  test("the installation's own tenant is made once, whoever comes first", async () => {
    const other = await openTestApp();
    const both = await Promise.all([app, other, app, other].map(ensurePlatformTenant));
    expect(new Set(both.map(({ no }) => no)).size).toBe(1);
    expect(await app.database.manager.countBy(Tenant, { id: PLATFORM_TENANT_ID })).toBe(1);
    await closeApp(other);
  });

  test("each tenant hashes players under a key of its own", async () => {
    const [one, two] = [await seedTenant(app), await seedTenant(app)];
    const keyOf = (id: string) => playerKeyOf(app, app.database.manager, id);
    const key = await keyOf(one.tenant.id);
    expect(key).toHaveLength(32);
    expect(await keyOf(one.tenant.id)).toEqual(key);
    expect(await keyOf(two.tenant.id)).not.toEqual(key);
  });
});

describe("partners", () => {
  test("a partner is written down with one act, in its own stream", async () => {
    const { actor } = await seedTenant(app);
    const partner = await createPartner(app, actor, { ...provider, currencies: ["BTC", "USD", "BTC"] });
    expect(partner).toMatchObject({ code: "P-1", currencies: ["BTC", "USD"], timezone: "Asia/Seoul" });
    expect(partner.postingPartition).toBe(partner.no % 8);
    const acts = await app.database.manager.findBy(Act, { tenantNo: actor.tenantNo, partnerNo: partner.no });
    expect(acts.map(({ type }) => type)).toEqual([ActType.PARTNER_CREATED]);
  });

  test.each([
    ["a code with a space", { code: "a b" }, "VALIDATION", "/code"],
    ["a code that is too long", { code: "x".repeat(65) }, "VALIDATION", "/code"],
    ["no name", { name: " " }, "VALIDATION", "/name"],
    ["a zone that is none", { timezone: "Mars/Olympus" }, "VALIDATION", "/timezone"],
    ["an offset for a zone", { timezone: "+09:00" }, "VALIDATION", "/timezone"],
    ["no currency", { currencies: [] }, "VALIDATION", "/currencies"],
    ["an unknown currency", { currencies: ["BTC", "XXX"] }, "CURRENCY_UNKNOWN", "/currencies"],
  ])("%s is refused", async (_name, changes, code, path) => {
    const { actor } = await seedTenant(app);
    const refused = createPartner(app, actor, { ...provider, ...changes });
    await expect(refused).rejects.toMatchObject({ code, details: { path } });
    expect(await countPartners(app, actor)).toBe(0);
  });

  test("a code is taken once in a tenant, letter by letter, and free in another", async () => {
    const [one, two] = [await seedTenant(app), await seedTenant(app)];
    await createPartner(app, one.actor, provider);
    const again = createPartner(app, one.actor, { ...provider, name: "Other" });
    await expect(again).rejects.toMatchObject({ code: "VALIDATION", details: { path: "/code" } });
    await expect(createPartner(app, one.actor, { ...provider, code: "p-1" })).resolves.toMatchObject({ code: "p-1" });
    await expect(createPartner(app, two.actor, provider)).resolves.toMatchObject({ code: "P-1" });
  });

  test("another tenant's partner, another partner and what is none are not found alike", async () => {
    const [one, two] = [await seedTenant(app), await seedTenant(app)];
    const mine = await createPartner(app, one.actor, provider);
    const other = await createPartner(app, one.actor, { ...provider, code: "P-2" });
    const ids = [mine.id, "ptn_01kb000000000000000000000z", "한국", ""];
    for (const id of ids) await expect(partnerOf(app, two.actor, id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    const actor = partnerActor(one.actor, mine.id);
    await expect(partnerOf(app, actor, other.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(partnerOf(app, actor, mine.id)).resolves.toMatchObject({ id: mine.id });
    await expect(partnerNamedOrOwn(app, actor, null)).resolves.toMatchObject({ id: mine.id });
    await expect(partnerNamedOrOwn(app, one.actor, null)).rejects.toMatchObject({ code: "VALIDATION" });
    expect((await partnersOf(app, actor, {})).rows.map(({ id }) => id)).toEqual([mine.id]);
    expect(await countPartners(app, actor)).toBe(1);
  });

  test("pages are stable while partners are added", async () => {
    const { actor } = await seedTenant(app);
    const made: string[] = [];
    for (const code of ["a", "b", "c"]) made.push((await createPartner(app, actor, { ...provider, code })).id);
    const first = await partnersOf(app, actor, { first: 2 });
    expect(first.hasNextPage).toBe(true);
    made.push((await createPartner(app, actor, { ...provider, code: "d" })).id);
    const after = Buffer.from(`partners:${made[1]}`).toString("base64url");
    const rest = await partnersOf(app, actor, { first: 2, after });
    expect([...first.rows, ...rest.rows].map(({ id }) => id)).toEqual([...made].sort());
    expect(rest.hasNextPage).toBe(false);
    for (const bad of [{ first: 0 }, { first: 501 }, { after: "bm9uc2Vuc2U" }]) {
      await expect(partnersOf(app, actor, bad)).rejects.toMatchObject({ code: "VALIDATION" });
    }
  });
});

test("brands and products are known by the code that names them first, each partner its own", async () => {
  const { actor } = await seedTenant(app);
  const [one, two] = [
    await createPartner(app, actor, provider),
    await createPartner(app, actor, { ...provider, code: "P-2" }),
  ];
  const numbers = (partner: typeof one, codes: string[]) =>
    dimensionNumbers(app, app.database.manager, partner, "product", new Set(codes));
  const known = await numbers(one, ["crash", "dice"]);
  expect([...known.keys()].sort()).toEqual(["crash", "dice"]);
  const later = await numbers(one, ["dice", "Dice"]);
  expect(later.get("dice")).toBe(known.get("dice"));
  expect(later.get("Dice")).not.toBe(known.get("dice"));
  expect((await numbers(two, ["crash"])).get("crash")).not.toBe(known.get("crash"));
  expect(await numbers(one, [])).toEqual(new Map());
});

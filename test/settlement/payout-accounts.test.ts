import { expect, test } from "vitest";
import { Act, ActType } from "../../src/acts/entities.js";
import type { Scope } from "../../src/kernel/actor.js";
import type { NewPayoutAccount } from "../../src/settlement/account-details/service.js";
import { PayoutAccountState } from "../../src/settlement/payout-accounts/entities.js";
import {
  approvePayoutAccount,
  payoutAccountsOf,
  refusePayoutAccount,
  registerPayoutAccount,
} from "../../src/settlement/payout-accounts/service.js";
import { type Answer, testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { type SeededClient, seedClient, seedPartner, seedTenant } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);

const IBAN = "DE89370400440532013000";
const OTHER_IBAN = "FR1420041010050500013M02606";
const PAYOUTS: readonly Scope[] = ["payouts:manage"];

async function open() {
  const home = await seedTenant(app);
  const partner = await seedPartner(app, home, { currencies: ["EUR", "KRW", "BTC"] });
  const [first, second] = [
    await seedClient(app, home.actor, null, PAYOUTS),
    await seedClient(app, home.actor, null, PAYOUTS),
  ];
  return { home, partner, first, second };
}

function account(partnerId: string | null, changes: Partial<NewPayoutAccount> = {}): NewPayoutAccount {
  const holder = { holderName: "Müller Spiele GmbH", latinName: null, country: "DE", town: "Köln" };
  return { partnerId, payee: "", currency: "EUR", ...holder, iban: IBAN, bic: null, ...changes };
}

test("who registered an account does not approve it; approved, it takes the place of the one before", async () => {
  const { partner, first, second } = await open();
  const own = partner.partner.id;
  const one = await registerPayoutAccount(app, first.actor, account(own));
  expect(one).toMatchObject({
    state: PayoutAccountState.PENDING_APPROVAL,
    latinName: "Muller Spiele GmbH",
    town: "Koln",
  });
  await expect(approvePayoutAccount(app, first.actor, one.id)).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(await approvePayoutAccount(app, second.actor, one.id)).toMatchObject({ state: PayoutAccountState.ACTIVE });
  const two = await registerPayoutAccount(app, second.actor, account(own, { iban: OTHER_IBAN }));
  await approvePayoutAccount(app, first.actor, two.id);
  const history = (await payoutAccountsOf(app, first.actor, partner.partner, {})).rows;
  expect(history.map(({ id, state }) => [id, state])).toEqual([
    [one.id, PayoutAccountState.SUPERSEDED],
    [two.id, PayoutAccountState.ACTIVE],
  ]);
  await expect(approvePayoutAccount(app, second.actor, one.id)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
});

test("of two that wait, the later one stays in use whatever the order of approval", async () => {
  const { partner, first, second } = await open();
  const [one, two] = [
    await registerPayoutAccount(app, first.actor, account(partner.partner.id)),
    await registerPayoutAccount(app, first.actor, account(partner.partner.id, { iban: OTHER_IBAN })),
  ];
  await approvePayoutAccount(app, second.actor, two.id);
  await expect(approvePayoutAccount(app, second.actor, one.id)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  const refusal = { payoutAccountId: one.id, reason: "the old one" };
  expect(await refusePayoutAccount(app, second.actor, refusal)).toMatchObject({ state: PayoutAccountState.REFUSED });
  await expect(approvePayoutAccount(app, second.actor, one.id)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
});

test("approved by two at once, an account is approved once", async () => {
  const { partner, first, second, home } = await open();
  const third = await seedClient(app, home.actor, null, PAYOUTS);
  const { id } = await registerPayoutAccount(app, first.actor, account(partner.partner.id));
  const both = await Promise.allSettled([second, third].map(({ actor }) => approvePayoutAccount(app, actor, id)));
  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
});

test.each([
  ["/iban", { iban: "DE89370400440532013001" }],
  ["/iban", { iban: null }],
  ["/bic", { iban: null, accountNumber: "110-123-456789" }],
  ["/latinName", { holderName: "주식회사 게임" }],
  ["/latinName", { holderName: "Studio", latinName: "스튜디오" }],
  ["/latinName", { holderName: "x".repeat(71) }],
  ["/town", { town: "쾰른" }],
])("an account is refused at %s: %j", async (path, changes) => {
  const { partner, first } = await open();
  const registering = registerPayoutAccount(app, first.actor, account(partner.partner.id, changes));
  await expect(registering).rejects.toMatchObject({ code: "VALIDATION", details: { path } });
});

test("a Korean holder is named in Latin letters by whoever registers it, and keeps its own name", async () => {
  const { partner, first } = await open();
  const names = { holderName: "주식회사 게임", latinName: "Game Co., Ltd.", country: "KR", town: "Seoul" };
  const bank = { iban: null, accountNumber: "110-123-456789", clearingSystem: "KRBOK", clearingMember: "088" };
  const korean = account(partner.partner.id, { ...names, ...bank, currency: "KRW" });
  expect(await registerPayoutAccount(app, first.actor, korean)).toMatchObject(names);
});

test("money goes only in currencies that banks transfer and the partner lists", async () => {
  const { partner, first } = await open();
  for (const currency of ["BTC", "USD", "XXX"]) {
    const registering = registerPayoutAccount(app, first.actor, account(partner.partner.id, { currency }));
    await expect(registering).rejects.toMatchObject({ code: "CURRENCY_UNKNOWN" });
  }
  const registering = registerPayoutAccount(app, first.actor, account(null, { payee: "holding" }));
  await expect(registering).rejects.toMatchObject({ code: "VALIDATION", details: { path: "/payee" } });
});

const REGISTER = `mutation ($input: RegisterPayoutAccountInput!) {
  registerPayoutAccount(input: $input) { payoutAccount { id number state partnerId } } }`;

async function sendRegister(from: SeededClient, input: object): Promise<Answer> {
  const whole = { idempotencyKey: "k", currency: "EUR", holderName: "Muller", country: "DE", iban: IBAN, ...input };
  return api.ask({ query: REGISTER, variables: { input: whole }, token: await from.token() });
}

test("numbers are whole for payouts:manage alone; a partner sees its own masked, and nobody else's", async () => {
  const { home, partner, first } = await open();
  const { data, errors } = await sendRegister(first, { partnerId: partner.partner.id });
  expect(errors).toBeUndefined();
  const { id, number } = data.registerPayoutAccount.payoutAccount;
  expect(number).toBe(IBAN);
  const read = async (from: SeededClient, query = `{ payoutAccount(id: "${id}") { number } }`) => {
    return api.ask({ query, token: await from.token() });
  };
  const reader = await seedClient(app, home.actor, null, ["settlements:read"]);
  for (const from of [partner, reader])
    expect((await read(from)).data).toEqual({ payoutAccount: { number: "DE****3000" } });
  const list = "{ payoutAccounts { totalCount edges { node { number } } } }";
  expect((await read(partner, list)).data.payoutAccounts).toMatchObject({ totalCount: 1 });
  expect((await read(reader, list)).data.payoutAccounts).toMatchObject({ totalCount: 0 }); // what the tenant pays from
  const others = [await seedPartner(app, home), await seedPartner(app, await seedTenant(app))];
  for (const other of others) expect((await read(other)).errors?.[0]?.extensions["code"]).toBe("NOT_FOUND");
  const elsewhere = await seedClient(app, (await seedTenant(app)).actor, null, PAYOUTS);
  expect((await read(elsewhere)).errors?.[0]?.extensions["code"]).toBe("NOT_FOUND");
  expect((await sendRegister(partner, {})).errors?.[0]?.extensions["code"]).toBe("FORBIDDEN");
});

test("each step is one act that tells the number masked, and the number is stored sealed", async () => {
  const { partner, first, second, home } = await open();
  const { id } = await registerPayoutAccount(app, first.actor, account(partner.partner.id), "once");
  await approvePayoutAccount(app, second.actor, id);
  const acts = await app.database.manager.find(Act, {
    where: { tenantNo: home.tenant.no, subjectId: id },
    order: { no: "ASC" },
  });
  expect(acts.map(({ type }) => type)).toEqual([ActType.PAYOUT_ACCOUNT_REGISTERED, ActType.PAYOUT_ACCOUNT_APPROVED]);
  for (const { detail } of acts) {
    expect(detail).toContain("DE****3000");
    expect(detail).not.toContain(IBAN.slice(4, 18));
  }
  const [{ found }] = await app.database.query(
    "select count(*) as found from payout_account where tenant_id = ? and locate(?, number_sealed) > 0",
    [home.tenant.id, IBAN],
  );
  expect(Number(found)).toBe(0);
});

test("a refused number is not repeated to whoever sent it", async () => {
  const { partner, first } = await open();
  const answer = await sendRegister(first, { partnerId: partner.partner.id, iban: "DE00370400440532013000" });
  expect(answer.errors?.[0]?.extensions).toMatchObject({ code: "VALIDATION", path: "/iban" });
  expect(JSON.stringify(answer)).not.toContain("370400440532013000");
});

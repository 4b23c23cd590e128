import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { seedClient, seedPartner, seedTenant } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);
const EXAMPLES = readdirSync(new URL("../../docs/examples", import.meta.url))
  .filter((name) => /^config-.*\.json$/.test(name))
  .map((name) => name.replace(".json", ""));
const DAILY = example("config-daily-12pct");
/** Forms that the examples lack; nulls are what a client's generated types send. */
const EVERY_FORM = {
  ...DAILY,
  ...{ name: null, taxes: null },
  share: {
    kind: "TIERED",
    mode: "MARGINAL",
    brackets: [
      { upTo: "5000", rate: "0.25" },
      { upTo: null, rate: "1/3" },
    ],
  },
  fees: [{ kind: "PER_UNIT", name: "cpa", payer: "TENANT", amount: "80", kinds: ["ACQUISITION"] }],
  guarantee: { kind: "RECOUPABLE_ADVANCE", instalments: [{ amount: "10", on: "2026-03-02" }] },
  carryOver: { policy: "NONE", ringFence: { playerAtMost: "-7000", aggregateAtMost: "-2000" } },
  lateItems: "ORIGIN_TERMS",
};
const DRAFT = `mutation Draft($input: DraftConfigurationInput!) {
  draftConfiguration(input: $input) { configuration { documentSha256 document } }
}`;

/** Drafts for a new partner, over the API. */
async function drafter() {
  const home = await seedTenant(app);
  const { partner } = await seedPartner(app, home, { currencies: ["EUR", "USD"] });
  const token = await (await seedClient(app, home.actor, null, ["configs:draft"])).token();
  let drafts = 0;
  return async (given: object) => {
    drafts += 1;
    const variables = { input: { partnerId: partner.id, idempotencyKey: `draft-${drafts}`, ...given } };
    const { data, errors = [] } = await api.ask({ query: DRAFT, token, variables });
    return { configuration: data?.draftConfiguration.configuration, error: errors[0] };
  };
}

function withoutNulls(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, member) => (member === null ? undefined : member));
}

test.each([...EXAMPLES.map((name) => [name, example(name)] as const), ["every form", EVERY_FORM] as const])(
  "%s has one digest, given as typed members and as JSON",
  async (_name, document) => {
    const draft = await drafter();
    const [typed, json] = [await draft({ terms: document }), await draft({ document: withoutNulls(document) })];
    expect([typed.error, json.error]).toEqual([undefined, undefined]);
    expect(typed.configuration).toEqual(json.configuration);
    expect(typed.configuration.document).toEqual(withoutNulls(document));
  },
);

test("a member of another form is refused by its path, and a document is given once", async () => {
  const draft = await drafter();
  const share = { kind: "FLAT", rate: "0.1", brackets: [{ rate: "0.1" }] };
  const { error } = await draft({ terms: { ...DAILY, share } });
  expect(error?.extensions).toMatchObject({ code: "VALIDATION", path: "/share/brackets" });
  for (const given of [{}, { terms: DAILY, document: DAILY }]) {
    expect((await draft(given)).error?.extensions).toMatchObject({ code: "VALIDATION", path: "/document" });
  }
});

test("the types know what the schema knows: other values and members are refused by GraphQL itself", async () => {
  const draft = await drafter();
  expect((await draft({ terms: { ...DAILY, lateItems: "NEVER" } })).error?.message).toContain("input.terms.lateItems");
  expect((await draft({ terms: { ...DAILY, bonus: "1" } })).error?.message).toContain("input.terms");
});

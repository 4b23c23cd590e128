import { beforeAll, describe, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { recordActs } from "../../src/acts/service.js";
import { numberActsForAllTenants } from "../../src/events/relay/service.js";
import { revokeKey } from "../../src/identity/key-revocations/service.js";
import { keysOf } from "../../src/identity/keys/service.js";
import { canonicalJson } from "../../src/kernel/canonical-json.js";
import { leafHash, sha256 } from "../../src/kernel/digest.js";
import { newId } from "../../src/kernel/ids.js";
import { type ActQuery, planOf } from "../../src/operations/act-search/rules.js";
import { stride } from "../../src/operations/act-search/service.js";
import { type ActFilter, actsOf } from "../../src/operations/audit/service.js";
import { transact } from "../../src/platform/database.js";
import { tryLease } from "../../src/platform/lease.js";
import { openProof, readPolicy } from "../../src/transparency/proofs/service.js";
import { signCheckpoint } from "../../src/transparency/service.js";
import { openPlace, type Place, report } from "../settlement/place.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { type SeededClient, seedClient } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);
let place: Place;
let auditor: SeededClient;

const NONE: ActFilter = {
  ...{ types: [], subject: null, partnerId: null, principal: null, requestId: null, address: null },
  ...{ from: null, before: null },
};
const EVIL = "=HYPERLINK(1)";

/** A settled partner, a client that was revoked from an address, and 200 acts of one kind besides. */
beforeAll(async () => {
  app.clock.set("2026-03-03T16:00:00.000Z");
  place = await openPlace(app, "2026-03-01T15:00:00.000Z");
  auditor = await seedClient(app, place.shell, null, ["audit:read", "keys:manage"]);
  await report(app, place, [{ kind: "BET", amount: "5.00", occurredAt: "2026-03-02T01:00:00.000Z" }]);
  await record(200, "2026-03-03T16:10:00.000Z");
  app.clock.set("2026-03-03T17:00:00.000Z");
  const keys = await keysOf(app, auditor.actor, { clientId: place.client.id, state: null }, {});
  const from = { ...auditor.actor, address: "203.0.113.9", traceparent: "00-a-b-01", requestId: "req-of-mine" };
  await revokeKey(app, from, { keyId: keys.rows[0]?.id ?? "", reason: EVIL });
  await number();
});

async function record(count: number, at: string): Promise<void> {
  const { partner, shell } = place;
  const acts = Array.from({ length: count }, (_, index) => ({
    ...{ type: ActType.BATCH_REFUSED, subjectId: `x-${index}`, partner, after: { index } },
  }));
  await transact(app, (tx) => recordActs(tx, shell, new Date(at), acts));
}

async function number(): Promise<void> {
  const lease = await tryLease(app, "relay");
  if (lease === null) throw new Error("no lease");
  await numberActsForAllTenants(app, lease);
  await signCheckpoint(app, place.tenant);
}

async function ask(query: string, token?: string, variables = {}) {
  const { data, errors } = await api.ask({ query, variables, token: token ?? (await auditor.token()) });
  return { data, codes: (errors ?? []).map(({ extensions }) => extensions["code"]) };
}

const FIELDS = `index type subject principalKind principal requestId at address traceparent before after reason
  leaf leafHash isDetailErased isOriginErased partner { id }`;

test("an act says who did what, when, from where, what was before and after, why and by which request", async () => {
  const { data } = await ask(`{ acts(filter: { types: [KEY_REVOKED] }) { totalCount edges { node { ${FIELDS}
    inclusionProof { index leaf leafHash hashes checkpoint detail file } } } } }`);
  expect(data.acts.totalCount).toBe(1);
  const { inclusionProof, ...act } = data.acts.edges[0].node;
  expect(act).toMatchObject({
    ...{ type: "KEY_REVOKED", principalKind: "TENANT", principal: auditor.client.id, requestId: "req-of-mine" },
    ...{ address: "203.0.113.9", traceparent: "00-a-b-01", reason: EVIL, partner: { id: place.partner.id } },
    ...{ before: { state: "ACTIVE" }, after: { state: "REVOKED", reason: EVIL, kid: place.key.kid } },
    ...{ isDetailErased: false, isOriginErased: false },
  });
  expect(act.at).toMatch(/^2026-03-03T17:00:/);
  expect(leafHash(act.leaf).toString("hex")).toBe(act.leafHash);
  const detail = canonicalJson({ before: act.before, after: act.after });
  expect(JSON.parse(act.leaf).detailSha256).toBe(sha256(detail).toString("hex"));
  const { verifierKey } = (await ask("{ log { verifierKey } }")).data.log;
  const policy = readPolicy({ log: verifierKey, witnesses: [], quorum: null });
  expect(openProof(inclusionProof.file, policy)).toMatchObject({ found: { leaf: act.leaf, detail } });
  const again = await ask(`{ act(index: ${act.index}) { leafHash } }`);
  expect(again.data.act.leafHash).toBe(act.leafHash);
});

describe("acts are found", () => {
  test.each<[string, () => Partial<ActFilter>, number]>([
    ["by type", () => ({ types: [ActType.KEY_REVOKED] }), 1],
    ["by several types", () => ({ types: [ActType.KEY_REVOKED, ActType.BATCH_POSTED] }), 2],
    ["by a frequent type", () => ({ types: [ActType.BATCH_REFUSED] }), 200],
    ["by subject", () => ({ subject: "x-17" }), 1],
    ["by address", () => ({ address: "203.0.113.9" }), 1],
    ["by request", () => ({ requestId: "req-of-mine" }), 1],
    ["by principal", () => ({ principal: auditor.client.id }), 1],
    ["by principal and type", () => ({ principal: "shell", types: [ActType.BATCH_REFUSED] }), 200],
    ["by partner and principal", () => ({ partnerId: place.partner.id, principal: auditor.client.id }), 1],
    ["by instants", () => ({ from: new Date("2026-03-03T16:30:00.000Z") }), 1],
    ["by instants of a type", () => ({ types: [ActType.KEY_REVOKED], before: new Date("2026-03-03T16:30:00Z") }), 0],
    ["by nothing that there is", () => ({ principal: "cli_none" }), 0],
  ])("%s", async (_how, filter, count) => {
    const { rows } = await actsOf(app, auditor.actor, { ...NONE, ...filter() }, { first: 500 });
    expect(rows).toHaveLength(count);
  });

  test("newest first, page by page, each once, whatever is added meanwhile", async () => {
    const seen: number[] = [];
    let after: string | null = null;
    do {
      const { data } = await ask(
        `query ($after: String) { acts(first: 37, after: $after) {
          edges { node { index } } pageInfo { hasNextPage endCursor } } }`,
        undefined,
        { after },
      );
      seen.push(...data.acts.edges.map(({ node }: { node: { index: number } }) => node.index));
      after = data.acts.pageInfo.hasNextPage ? data.acts.pageInfo.endCursor : null;
      if (seen.length === 37) {
        await record(1, "2026-03-03T17:30:00.000Z");
        await number();
      }
    } while (after !== null);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeGreaterThan(205);
    expect(seen.toSorted((a, b) => a - b)).toEqual(seen.map((_, index) => index));
  });

  test("only once they are in the log, and a cursor of another list is refused", async () => {
    await record(1, "2026-03-03T18:00:00.000Z");
    const from = new Date("2026-03-03T18:00:00.000Z");
    expect((await actsOf(app, auditor.actor, { ...NONE, from }, {})).rows).toEqual([]);
    await number();
    expect((await actsOf(app, auditor.actor, { ...NONE, from }, {})).rows).toHaveLength(1);
    expect(
      (await ask(`{ acts(after: "${Buffer.from("keys:1").toString("base64url")}") { totalCount } }`)).codes,
    ).toEqual(["VALIDATION"]);
  });
});

/** Every part alone, and what is worst: a frequent thing in which little is sought. */
const QUERIES: readonly Partial<ActQuery>[] = [
  ...[{}, { types: [ActType.KEY_REVOKED] }, { types: [ActType.BATCH_POSTED] }, { subject: "x" }, { partnerNo: 1 }],
  ...[{ principal: "shell" }, { requestId: "posting" }, { address: "203.0.113.9" }],
  ...[{ principal: "shell", address: "203.0.113.9" }, { types: [ActType.KEY_REVOKED, ActType.BATCH_POSTED] }],
];

test.each(QUERIES)("the database reads one index in its order for %o, and sorts and scans nothing", async (parts) => {
  const query: ActQuery = {
    ...{ types: [], subject: null, partnerNo: null, principal: null, requestId: null, address: null },
    ...{ from: new Date(0), before: new Date("2027-01-01T00:00:00.000Z"), ...parts },
  };
  for (const order of ["asc", "desc"] as const) {
    for (const after of [null, { atMs: 1_772_550_000_000, no: "7" }]) {
      const { sql, values } = stride(place.tenant.no, { query, order, after, treeSize: 9 }, 50);
      const [plan] = await app.database.query(`explain ${sql}`, [...values]);
      expect(plan).toMatchObject({ key: planOf(query).index });
      expect(plan.type).toMatch(/^(range|ref)$/);
      expect(String(plan.Extra)).not.toMatch(/filesort|temporary/);
    }
  }
});

test("a page looks at so many acts and no more, and says how far it came", async () => {
  const { tenant, partner, shell } = place;
  const at = new Date("2026-02-01T00:00:00.000Z");
  await transact(app, (tx) =>
    tx.query(
      `insert into act (tenant_no, partner_no, type, subject_id, principal_kind, principal_id, request_id, at, detail,
         detail_sha256, origin_sha256, leaf_hash, tree_index)
       select ?, ?, 'BATCH_POSTED', 'many', 'SYSTEM', 'system', 'many', ?, '{}', '', '', '', 1000000 + seq
       from seq_1_to_45000`,
      [tenant.no, partner.no, at],
    ),
  );
  const filter = { ...NONE, principal: "system", address: "203.0.113.9", before: new Date("2026-02-02T00:00:00.000Z") };
  const first = await actsOf(app, shell, { ...filter, address: null, requestId: null, subject: null }, { first: 1 });
  expect(first.rows).toHaveLength(1);
  const types = [ActType.BATCH_ACCEPTED, ActType.BATCH_PARKED];
  let [after, pages]: [string | null, number] = [null, 0];
  do {
    const query = `query ($filter: ActFilterInput!, $after: String) {
      acts(filter: $filter, after: $after) { edges { node { index } } pageInfo { hasNextPage endCursor } } }`;
    const { data } = await ask(query, undefined, {
      filter: { principal: "system", types, before: filter.before },
      after,
    });
    expect(data.acts.edges).toEqual([]);
    after = data.acts.pageInfo.hasNextPage ? data.acts.pageInfo.endCursor : null;
    pages += 1;
  } while (after !== null);
  expect(pages).toBe(3);
  await app.database.query("delete from act where tenant_no = ? and subject_id = 'many'", [tenant.no]);
});

describe("the audit trail is closed", () => {
  test("to partners, and to who has no scope for it", async () => {
    const keeper = await seedClient(app, place.shell, null, ["keys:manage"]);
    for (const client of [await seedClient(app, place.shell, place.partner.id), keeper]) {
      const token = await client.token();
      expect((await ask("{ acts { totalCount } }", token)).codes).toEqual(["FORBIDDEN"]);
      expect((await ask("{ act(index: 0) { type } }", token)).codes).toEqual(["FORBIDDEN"]);
      const response = await fetch(`${api.url}/acts.csv`, { headers: { authorization: `Bearer ${token}` } });
      expect(response.status).toBe(403);
    }
    await expect(actsOf(app, place.actor, NONE, {})).rejects.toMatchObject({ code: "FORBIDDEN" });
  });

  test("to other tenants", async () => {
    const other = await openPlace(app, "2026-03-01T15:00:00.000Z");
    const stranger = await seedClient(app, other.shell, null, ["audit:read"]);
    await number();
    const { rows } = await actsOf(app, stranger.actor, NONE, { first: 500 });
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.every(({ leaf }) => JSON.parse(leaf).tenant === other.tenant.id)).toBe(true);
    const filter = { ...NONE, partnerId: place.partner.id };
    await expect(actsOf(app, stranger.actor, filter, {})).rejects.toMatchObject({ code: "NOT_FOUND" });
    for (const index of [1_000_000, -1, 0.5]) {
      expect((await ask(`{ act(index: ${index}) { type } }`, await stranger.token())).codes).toEqual(["NOT_FOUND"]);
    }
  });
});

describe("an export", () => {
  const get = async (path: string) =>
    fetch(`${api.url}${path}`, { headers: { authorization: `Bearer ${await auditor.token()}` } });

  test("holds every act once, oldest first, each with its leaf, and is an act itself", async () => {
    const response = await get("/acts.ndjson");
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const lines = (await response.text()).trimEnd().split("\n");
    const acts = lines.map((line) => JSON.parse(line));
    expect(acts.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(acts.map((_, index) => index));
    const instants = acts.map(({ at }) => new Date(at).getTime());
    expect(instants).toEqual(instants.toSorted((a, b) => a - b));
    for (const { leaf, leafHash: stated } of acts) expect(leafHash(leaf).toString("hex")).toBe(stated);
    await number();
    const exports = await actsOf(app, auditor.actor, { ...NONE, types: [ActType.ACTS_EXPORTED] }, {});
    expect(exports.rows[0]).toMatchObject({ principal: auditor.client.id, after: { format: "ndjson" } });
    expect(exports.rows[0]?.after?.["size"]).toBe(lines.length);
  });

  test("takes the same filter, and says in its act which", async () => {
    const from = "2026-03-03T16:30:00.000Z";
    const response = await get(`/acts.ndjson?types=KEY_REVOKED&types=BATCH_POSTED&from=${from}`);
    const acts = (await response.text()).trimEnd().split("\n");
    expect(acts.map((line) => JSON.parse(line).type)).toEqual(["KEY_REVOKED"]);
    await number();
    const [act] = (await actsOf(app, auditor.actor, { ...NONE, types: [ActType.ACTS_EXPORTED] }, {})).rows;
    expect(act?.after?.["filter"]).toEqual({ types: ["KEY_REVOKED", "BATCH_POSTED"], from });
  });

  test("in CSV takes nobody's text for a formula", async () => {
    const response = await get("/acts.csv?types=KEY_REVOKED");
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="acts.csv"');
    const [head = "", row = ""] = (await response.text()).split("\r\n");
    expect(head).toMatch(/^index,at,type,subject,partner,principalKind,principal,requestId,address,traceparent,reason/);
    expect(row).toContain(`,'${EVIL},`);
  });

  test.each(["types=NOTHING", "subject=", "from=yesterday", "color=red"])("refuses the filter %s", async (query) => {
    const response = await get(`/acts.csv?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "VALIDATION" } }] });
  });

  test("of a partner of another tenant is NOT_FOUND, and leaves no act", async () => {
    const response = await get(`/acts.csv?partnerId=${newId("ptn", app.clock)}`);
    expect(response.status).toBe(404);
  });
});

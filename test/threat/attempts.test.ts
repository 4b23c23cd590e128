import { expect, onTestFinished, test, vi } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { shellActor } from "../../src/kernel/actor.js";
import { present } from "../../src/kernel/assert.js";
import { cursorOf } from "../../src/kernel/page.js";
import { HTTP_DEFAULTS, RATE_DEFAULTS } from "../../src/platform/config.js";
import { closeApp } from "../../src/platform/open-app.js";
import { register } from "../../src/server/commands/networks.js";
import { ensurePlatformTenant } from "../../src/tenancy/service.js";
import { ThreatAssessment } from "../../src/threat/assessments/entities.js";
import { ThreatBlock } from "../../src/threat/blocks/entities.js";
import { ThreatFact, ThreatSubject } from "../../src/threat/entities.js";
import { endNetworkBlocks, liftNetworkBlock, networkBlocks } from "../../src/threat/networks/service.js";
import { senderFacts } from "../../src/threat/senders/service.js";
import { shareTallies } from "../../src/threat/tallies/service.js";
import { type KeyedClient, tokenForm } from "../identity/place.js";
import { newKey, type TestKey } from "../identity/signing.js";
import { openTestApi, testApi } from "../support/api.js";
import { openTestApp, type TestApp, testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { loseRedis } from "../support/redis.js";
import { seedClient, seedPartner, seedTenant } from "../support/seeds.js";
import { enforce } from "./place.js";

const behindProxy = {
  http: { ...HTTP_DEFAULTS, trustedProxies: ["127.0.0.0/8", "::1/128"] },
  rates: { ...RATE_DEFAULTS, addressPointsMax: 1_000_000 }, // what is tried here is not the rate of addresses
};
const app = await testApp({ config: behindProxy });
const { clock, config } = app;
/** Another process of the same installation. */
const second = await testApp({
  clock,
  config: { ...behindProxy, redisPrefix: config.redisPrefix, publicUrl: config.publicUrl },
});
const [api] = await Promise.all([testApi(app), testApi(second)]);

async function operatorToken(): Promise<string> {
  const { id: tenantId, no: tenantNo } = await ensurePlatformTenant(app);
  return (await seedClient(app, shellActor({ tenantId, tenantNo }, "req_test"), null, ["operations:manage"])).token();
}

let networks = 0;
/** A network of a test's own, and another address in it. */
const newNetwork = (): [string, string] => {
  networks += 1;
  return [`198.51.${networks}.7`, `198.51.${networks}.99`];
};

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}

async function ask(at: TestApp, address: string, form: ReadonlyMap<string, string>, path = "token"): Promise<Answer> {
  const response = await fetch(`http://localhost:${at.config.port}/oauth/${path}`, {
    method: "POST",
    headers: { "x-forwarded-for": address },
    body: new URLSearchParams([...form]),
  });
  const text = await response.text();
  return { status: response.status, retryAfter: response.headers.get("retry-after"), body: JSON.parse(text || "{}") };
}

/** A request in a client's name with a key that is not the client's, under its kid or another. */
async function forged({ client, key }: KeyedClient, stranger: TestKey, kid = key.kid) {
  return tokenForm(app, { client, key: { ...stranger, kid } });
}

async function forge(at: TestApp, address: string, victim: KeyedClient, times: number): Promise<Answer[]> {
  const form = await forged(victim, await newKey());
  return Promise.all(Array.from({ length: times }, () => ask(at, address, form)));
}

const statuses = (answers: readonly Answer[]) => [...new Set(answers.map(({ status }) => status))];

test("a network that fails too often is told to wait and no reason, and nobody who proves himself is", async () => {
  const home = await seedTenant(app);
  const [victim, neighbour] = [await seedPartner(app, home), await seedPartner(app, home)];
  const [attacker, near] = newNetwork();
  const [elsewhere] = newNetwork();
  expect(statuses(await forge(app, attacker, victim, 95))).toEqual([401]);
  const told = (await forge(app, attacker, victim, 10)).filter(({ status }) => status === 429);
  expect(told.length).toBeGreaterThanOrEqual(4);
  expect(told[0]).toMatchObject({ status: 429, retryAfter: "900", body: { error: "temporarily_unavailable" } });
  const stranger = await newKey();
  const unknown = { client: { id: "cli_00000000000000000000000000" }, key: stranger };
  const refused = await Promise.all([
    ask(app, near, await forged(victim, stranger)),
    ask(app, near, await forged(victim, stranger, stranger.kid)),
    ask(app, near, await tokenForm(app, unknown)),
    ask(app, near, new Map([["grant_type", "client_credentials"]])),
    ask(app, near, (await forged(victim, stranger)).set("token", "x"), "revoke"),
  ]);
  expect(new Set(refused.map(({ status, body }) => `${status} ${JSON.stringify(body)}`)).size).toBe(1);
  // From its own network, and from anywhere else, whoever proves who it is has its token.
  for (const address of [attacker, near, elsewhere]) {
    expect((await ask(app, address, await tokenForm(app, victim))).status).toBe(200);
    expect((await ask(app, address, await tokenForm(app, neighbour))).status).toBe(200);
  }
  expect(statuses(await forge(app, elsewhere, victim, 1))).toEqual([401]);
});

test("a block ends by itself after a quarter of an hour, and the count begins anew", async () => {
  const victim = await seedPartner(app, await seedTenant(app));
  const [address] = newNetwork();
  await forge(app, address, victim, 105);
  clock.advance(14 * 60_000);
  const [blocked] = await forge(app, address, victim, 1);
  expect(blocked?.status).toBe(429);
  expect(Number(blocked?.retryAfter)).toBeLessThanOrEqual(60);
  clock.advance(61_000);
  expect(statuses(await forge(app, address, victim, 95))).toEqual([401]);
});

test("operators see which networks are blocked and lift that, by an act, in all processes", async () => {
  const victim = await seedPartner(app, await seedTenant(app));
  const [address] = newNetwork();
  const network = `${address.slice(0, -2)}.0/24`;
  await forge(app, address, victim, 105);
  await forge(second, address, victim, 105);
  const token = await operatorToken();
  const list = async () => {
    const query = "{ networkBlocks(first: 500) { totalCount edges { node { network endsAt } } } }";
    const { data, errors } = await api.ask({ query, token });
    expect(errors).toBeUndefined();
    const { totalCount, edges } = data.networkBlocks;
    expect(totalCount).toBe(edges.length);
    return edges.map(({ node }: { node: { network: string } }) => node.network);
  };
  expect(await list()).toContain(network);
  const page = await networkBlocks(app, { first: 1 });
  const after = cursorOf("network-blocks", page.positionOf(present(page.rows[0], "a block")));
  expect((await networkBlocks(app, { first: 500, after })).rows).not.toContainEqual(page.rows[0]);
  const lift = (idempotencyKey: string, named: string) =>
    api.ask({
      query: `mutation ($input: LiftNetworkBlockInput!) {
        liftNetworkBlock(input: $input) { networkBlock { network endsAt } } }`,
      variables: { input: { network: named, reason: "our own office", idempotencyKey } },
      token,
    });
  const lifted = await lift("lift-1", address);
  expect(lifted.data.liftNetworkBlock.networkBlock).toMatchObject({ network });
  expect((await lift("lift-1", address)).data).toEqual(lifted.data);
  expect((await lift("lift-2", network)).errors?.[0]?.extensions).toMatchObject({ code: "NOT_FOUND" });
  expect(await list()).not.toContain(network);
  for (const each of [app, second]) {
    await forge(each, address, victim, 1);
    await shareTallies(each);
    expect(statuses(await forge(each, address, victim, 1))).toEqual([401]);
  }
  const platform = await ensurePlatformTenant(app);
  const acts = await app.database.query("select subject_id, detail from act where tenant_no = ? and type = ?", [
    platform.no,
    ActType.NETWORK_BLOCK_LIFTED,
  ]);
  expect(acts).toMatchObject([{ subject_id: network }]);
  expect(JSON.parse(acts[0].detail).after).toEqual({ network, reason: "our own office" });
  const again = await forge(app, address, victim, 105); // and it is blocked again where it goes on
  expect(statuses(again)).toEqual([401, 429]);
  expect(await list()).toContain(network);
});

test("a request to lift a block that is repeated lifts no later one", async () => {
  const victim = await seedPartner(app, await seedTenant(app));
  const [address] = newNetwork();
  const network = `${address.slice(0, -2)}.0/24`;
  const isBlocked = async () =>
    (await networkBlocks(app, { first: 500 })).rows.some((each) => each.network === network);
  const { id: tenantId, no: tenantNo } = await ensurePlatformTenant(app);
  const operator = shellActor({ tenantId, tenantNo }, "req_test");
  const lift = () => liftNetworkBlock(app, operator, { network, reason: "our own office" }, `lift-${network}`);
  await forge(app, address, victim, 105);
  const lifted = await lift();
  expect(await isBlocked()).toBe(false);
  clock.advance(1_000);
  await forge(app, address, victim, 1);
  await shareTallies(app);
  await forge(app, address, victim, 105);
  expect(await isBlocked()).toBe(true);
  expect(await lift()).toEqual(lifted);
  expect(await isBlocked()).toBe(true);
  await forge(app, address, victim, 1);
  await shareTallies(app);
  expect(statuses(await forge(app, address, victim, 1))).toEqual([429]);
});

test("the beginning and the end of a block are told to log and metrics, each once", async () => {
  const victim = await seedPartner(app, await seedTenant(app));
  const [[address], [lifted]] = [newNetwork(), newNetwork()];
  await shareTallies(app);
  await endNetworkBlocks(app);
  const logs = [vi.spyOn(app.log, "warn"), vi.spyOn(app.log, "info")];
  onTestFinished(() => {
    for (const log of logs) log.mockRestore();
  });
  const [begun, byTime, byOperator] = await Promise.all(["blocks", "ended TIME", "ended OPERATOR"].map(counted));
  await forge(app, address, victim, 105);
  await forge(app, lifted, victim, 105);
  const { id: tenantId, no: tenantNo } = await ensurePlatformTenant(app);
  const operator = shellActor({ tenantId, tenantNo }, "req_test");
  await liftNetworkBlock(app, operator, { network: lifted, reason: "our own office" });
  const standing = (await networkBlocks(app, { first: 500 })).rows.length;
  expect(standing).toBeGreaterThan(0);
  clock.advance(15 * 60_000 + 1_000);
  expect(await endNetworkBlocks(app)).toBe(standing);
  expect(await Promise.all([endNetworkBlocks(app), endNetworkBlocks(second)])).toEqual([0, 0]);
  const after = await Promise.all(["blocks", "ended TIME", "ended OPERATOR"].map(counted));
  expect(after).toEqual([(begun ?? 0) + 2, (byTime ?? 0) + standing, (byOperator ?? 0) + 1]);
  const told = logs.flatMap((log) => log.mock.calls);
  const [network, by] = [`${address.slice(0, -2)}.0/24`, "TIME"];
  expect(told).toContainEqual([{ network }, "threat: a network that fails to authenticate is blocked"]);
  expect(told).toContainEqual([{ network, by }, "threat: the block of a network ended"]);
  const liftedNetwork = { network: `${lifted.slice(0, -2)}.0/24`, by: "OPERATOR" };
  expect(told).toContainEqual([liftedNetwork, "threat: the block of a network ended"]);
});

/** How often this process counted blocks of networks, or their ends. */
async function counted(what: string): Promise<number> {
  const [name = "", by] = what.split(" ");
  const labels = `subject="NETWORK"${by === undefined ? "" : `,by="${by}"`}`;
  const metric = `quittance_threat_${name === "ended" ? "blocks_ended" : name}_total{${labels}}`;
  const line = (await app.metrics.registry.metrics()).split("\n").find((each) => each.startsWith(metric));
  return Number(line?.split(" ").at(-1) ?? 0);
}

test("operators lift blocks at the shell, too", async () => {
  const victim = await seedPartner(app, await seedTenant(app));
  const [address] = newNetwork();
  await forge(app, address, victim, 105);
  const server = ["--database-url", config.databaseUrl, "--redis-url", config.redisUrl];
  vi.stubEnv("QUITTANCE_REDIS_PREFIX", config.redisPrefix.slice(1, -1));
  vi.stubEnv("QUITTANCE_MASTER_KEY", config.masterKey.toString("base64url"));
  onTestFinished(() => void vi.unstubAllEnvs());
  const network = `${address.slice(0, -2)}.0/24`;
  expect((await runCommand(register, "network", "list", ...server)).stdout).toContain(`${network} until `);
  const lift = ["network", "lift", "--network", network, "--reason", "a test", ...server];
  expect((await runCommand(register, ...lift)).stdout).toContain(`${network} is not blocked any more.`);
  const { blocks } = JSON.parse((await runCommand(register, "network", "list", "--json", ...server)).stdout);
  expect(blocks.map((block: { network: string }) => block.network)).not.toContain(network);
  await expect(runCommand(register, ...lift)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("processes count together, so an attacker who goes to two gains nothing", async () => {
  const victim = await seedPartner(app, await seedTenant(app));
  const [address] = newNetwork();
  expect(statuses(await forge(app, address, victim, 60))).toEqual([401]);
  await forge(second, address, victim, 60);
  await shareTallies(app);
  await shareTallies(second);
  expect(statuses(await forge(second, address, victim, 1))).toEqual([429]);
  await forge(app, address, victim, 1);
  await shareTallies(app);
  expect(statuses(await forge(app, address, victim, 1))).toEqual([429]);
});

test("who guesses clients, kids and forms is blocked alike, and nobody is blamed", async () => {
  const victim = await seedPartner(app, await seedTenant(app));
  const [address] = newNetwork();
  const stranger = await newKey();
  const forms = [
    await tokenForm(app, { client: { id: "cli_00000000000000000000000001" }, key: stranger }),
    await forged(victim, stranger, "another-kid"),
    new Map([["client_assertion", "x"]]).set("grant_type", "client_credentials"),
  ];
  const answers = await Promise.all(
    Array.from({ length: 95 }, (_, each) => ask(app, address, forms[each % 3] ?? new Map())),
  );
  expect(statuses(answers)).toEqual([401]);
  await forge(app, address, victim, 10);
  const blocked = await Promise.all(forms.map((form) => ask(app, address, form)));
  expect(statuses(blocked)).toEqual([429]);
  expect(senderFacts(app, victim.actor).size).toBe(0);
});

test("a client that is named too often is told of once, and neither blocked nor blamed", async () => {
  const home = await seedTenant(app);
  const victim = await seedPartner(app, home);
  for (const [address] of [newNetwork(), newNetwork(), newNetwork()]) await forge(app, address, victim, 20);
  await Promise.all([shareTallies(app), shareTallies(second)]);
  const { tenantNo } = victim.actor;
  const told = await app.database.manager.findBy(ThreatAssessment, { tenantNo });
  expect(told).toMatchObject([{ subject: "CLIENT", subjectId: victim.client.id, verdict: "REVIEW", score: 60 }]);
  expect(JSON.parse(told[0]?.contributionList ?? "")).toMatchObject([{ fact: "AUTHENTICATION_FAILURES" }]);
  const acts: unknown[] = await app.database.query("select 1 from act where tenant_no = ? and type = ?", [
    ...[tenantNo, ActType.THREAT_ASSESSED],
  ]);
  expect(acts).toHaveLength(1);
  await forge(second, newNetwork()[0], victim, 60);
  await shareTallies(second);
  expect(await app.database.manager.countBy(ThreatAssessment, { tenantNo })).toBe(1);
  const facts = senderFacts(app, victim.actor);
  expect(facts.size).toBe(0);
});

test("rules that would block for it only tell", async () => {
  const home = await seedTenant(app);
  const victim = await seedPartner(app, home);
  const fact = ThreatFact.AUTHENTICATION_FAILURES;
  await enforce(app, home.actor, [
    { id: "strict", subject: ThreatSubject.CLIENT, fact, from: 1, full: 1, points: 1_000 },
  ]);
  await forge(app, newNetwork()[0], victim, 5);
  await shareTallies(app);
  const { tenantNo } = victim.actor;
  expect(await app.database.manager.findBy(ThreatAssessment, { tenantNo })).toMatchObject([{ verdict: "REVIEW" }]);
  expect(await app.database.manager.countBy(ThreatBlock, { tenantNo })).toBe(0);
});

test("a Redis that is flushed or away forgives nobody: every process goes on with what it counted itself", async () => {
  const victim = await seedPartner(app, await seedTenant(app));
  const [address] = newNetwork();
  await forge(app, address, victim, 60);
  await shareTallies(app);
  await loseRedis(app);
  await shareTallies(app);
  await forge(app, address, victim, 45);
  expect(statuses(await forge(app, address, victim, 1))).toEqual([429]);

  const alone = await openTestApp({ clock, config: { ...behindProxy, redisUrl: "unix:///nowhere/redis.sock" } });
  const api = await openTestApi(alone);
  onTestFinished(async () => {
    await api.close();
    await closeApp(alone);
  });
  expect(statuses(await forge(alone, address, victim, 95))).toEqual([401]);
  await forge(alone, address, victim, 10);
  expect(statuses(await forge(alone, address, victim, 1))).toEqual([429]);
});

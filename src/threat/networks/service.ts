import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { instantText } from "../../kernel/clock.js";
import { judgedNetwork, networkText } from "../../kernel/network.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import { once } from "../../platform/idempotency.js";
import { redisScript, runScript } from "../../platform/redis.js";
import { threatError } from "../errors.js";
import { liftTally } from "../tallies/service.js";
import type { NetworkBlock } from "./entities.js";

/** Failed attempts count half after so long. */
export const ATTEMPTS_HALF_LIFE_MS = 600_000;
/** How the list is called in cursors. */
export const NETWORK_BLOCKS = "network-blocks";
/** More networks at once are blocked all the same; those that end first are not listed. */
const LISTED_MAX = 10_000;
/** Ended blocks that are told of at once. */
const ENDED_MAX = 1_000;

/** Whose a network's count is in every process. */
export function networkKey(network: string): string {
  return `network:${network}`;
}

/** Has operators see that a network is blocked; a hint, so that losing it blocks nobody less. */
export async function listNetworkBlock(app: App, network: string, until: Date): Promise<void> {
  if (app.redis.status !== "ready") return;
  const list = listKey(app);
  try {
    const listing = app.redis.multi().zadd(list, until.getTime(), network);
    await listing.zremrangebyrank(list, 0, -LISTED_MAX - 1).exec();
  } catch (error) {
    app.log.warn({ err: error, network }, "threat: a block of a network is not listed");
  }
}

/** The blocks of networks that stand now, by the networks' names. Refused while Redis is away (`UNAVAILABLE`). */
export async function networkBlocks(app: App, request: PageRequest): Promise<Page<NetworkBlock>> {
  const { rows, after } = pageStart(request, NETWORK_BLOCKS, POSITION.NETWORK);
  const standing = (await standingBlocks(app)).filter(({ network }) => after === null || network > after);
  return pageOf(standing.slice(0, rows + 1), rows, ({ network }) => network);
}

/** How many there are. */
export async function countNetworkBlocks(app: App): Promise<number> {
  return (await standingBlocks(app)).length;
}

/**
 * Lifts the block of a network, named as it is listed or by an address in it: its count begins anew, and every process
 * knows within a second of its next failure. Refused where it is not blocked (`NOT_FOUND`), and while Redis is away
 * (`UNAVAILABLE`).
 */
export async function liftNetworkBlock(
  app: App,
  actor: Actor,
  { network: named, reason }: { readonly network: string; readonly reason: string },
  idempotencyKey: string | null = null,
): Promise<NetworkBlock> {
  const network = judgedNetwork(named.toLowerCase().replace(/\/\d+$/, ""));
  const text = networkText(network);
  const block = (await standingBlocks(app)).find((each) => each.network === text);
  const request = { operation: "liftNetworkBlock", idempotencyKey, input: { network: named, reason } };
  const endsAt = await once(app, actor, request, async (tx) => {
    if (block === undefined) throw threatError("NOT_FOUND", { what: "block of a network" });
    const until = instantText(block.endsAt);
    const change = { before: { network: text, until }, after: { network: text, reason } };
    const act = { type: ActType.NETWORK_BLOCK_LIFTED, subjectId: text, partner: null };
    await recordActs(tx, actor, app.clock.now(), [{ ...act, ...change }]);
    return until;
  });
  // Repeated, it lifts what a first run that broke off here left, never a block that came since.
  const standing = (await standingBlocks(app)).find((each) => each.network === text);
  if (standing !== undefined && instantText(standing.endsAt) === endsAt) {
    await liftTally(app, networkKey(network), ATTEMPTS_HALF_LIFE_MS);
    await app.redis.zrem(listKey(app), network);
    tellEnd(app, network, "OPERATOR");
  }
  return { network: text, endsAt: new Date(endsAt) };
}

/**
 * Takes the blocks that ended by themselves off the list, each told once to log and metrics; answers how many. There is
 * no act of it, nor of the beginning: no tenant's people did anything, and whoever floods us would fill a log for ever.
 */
export async function endNetworkBlocks(app: App): Promise<number> {
  if (app.redis.status !== "ready") return 0;
  const ended = await runScript(app.redis, TAKE_ENDED, listKey(app), [app.clock.now().getTime(), ENDED_MAX]);
  const networks = Array.isArray(ended) ? ended.map(String) : [];
  for (const network of networks) tellEnd(app, network, "TIME");
  return networks.length;
}

function tellEnd(app: App, network: string, by: "TIME" | "OPERATOR"): void {
  app.metrics.count("threat_blocks_ended", { subject: "NETWORK", by });
  app.log.info({ network: networkText(network), by }, "threat: the block of a network ended");
}

const TAKE_ENDED = redisScript(`
  local ended = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, tonumber(ARGV[2]))
  if #ended > 0 then redis.call('ZREM', KEYS[1], unpack(ended)) end
  return ended
`);

async function standingBlocks(app: App): Promise<NetworkBlock[]> {
  if (app.redis.status !== "ready") throw threatError("UNAVAILABLE");
  const from = app.clock.now().getTime();
  const found = await app.redis.zrangebyscore(listKey(app), from + 1, "+inf", "WITHSCORES");
  const blocks = Array.from({ length: found.length / 2 }, (_, each) => {
    const [network = "", untilMs] = found.slice(2 * each, 2 * each + 2);
    return { network: networkText(network), endsAt: new Date(Number(untilMs)) };
  });
  return blocks.toSorted((one, other) => (one.network < other.network ? -1 : 1));
}

function listKey(app: App): string {
  return `${app.config.redisPrefix}:threat:blocked-networks`;
}

import { type PrincipalRef, systemActor } from "../../kernel/actor.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import { judgedNetwork, networkText } from "../../kernel/network.js";
import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";
import { partnerOf } from "../../tenancy/service.js";
import { raise } from "../assessments/service.js";
import { ThreatFact, ThreatSubject, ThreatVerdict } from "../entities.js";
import { ATTEMPTS_HALF_LIFE_MS, listNetworkBlock, networkKey } from "../networks/service.js";
import { judge } from "../rules.js";
import { forgetTold, isToTell } from "../senders/service.js";
import { standingOf } from "../standing/service.js";
import { Tally } from "../tallies/rules.js";
import { clearTally, shareSoon } from "../tallies/service.js";

/** So many lately block a network, for so long. */
const FAILURES_MAX = 100;
const BLOCK_MS = 900_000;
const NETWORKS_KEPT_MAX = 10_000;
const CLIENTS_KEPT_MAX = 10_000;
const { AUTHENTICATION_FAILURES, ENUMERATION } = ThreatFact;

/** A request for an access token whose sender did not prove who it is. */
export interface FailedAttempt {
  readonly address: string;
  readonly requestId: string;
  /** Null where no client of that id is known. */
  readonly named: PrincipalRef | null;
}

type Attempts = Tally<ThreatFact.AUTHENTICATION_FAILURES | ThreatFact.ENUMERATION>;

const networks = perApp(() => new BoundedMap<string, Attempts>(NETWORKS_KEPT_MAX));
const clients = perApp(() => new BoundedMap<string, Attempts>(CLIENTS_KEPT_MAX));

/**
 * Counts an attempt against the network that it came from, and tells the tenant of a client that is named too often,
 * which loses nothing by that. Answers for how many milliseconds the network is blocked: its attempts are to be refused
 * without a reason till then, while whoever proves who it is goes on. Null where it is not blocked. It takes as long
 * whoever was named.
 */
export function countFailedAttempt(app: App, attempt: FailedAttempt): number | null {
  app.metrics.count("authentication_failures", { client: attempt.named === null ? "unknown" : "known" });
  if (attempt.named !== null) countNamed(app, attempt.named, attempt.requestId);
  const network = judgedNetwork(attempt.address);
  const key = networkKey(network);
  const tally = attemptsIn(networks(app), key);
  const nowMs = app.clock.now().getTime();
  const blockedMs = tally.isLifted ? 0 : tally.clearedAtMs + BLOCK_MS - nowMs;
  if (blockedMs > 0) {
    shareSoon(app, { key, tally, shared: () => undefined }); // somebody may have lifted it
    return Math.min(blockedMs, BLOCK_MS);
  }
  tally.add(attempt.named === null ? ENUMERATION : AUTHENTICATION_FAILURES, 1, nowMs);
  const shared = () => void blockWhereTooMany(app, network, tally);
  shareSoon(app, { key, tally, shared });
  return blockWhereTooMany(app, network, tally);
}

/** A network begins anew with its block, which is how other processes know of it. */
function blockWhereTooMany(app: App, network: string, tally: Attempts): number | null {
  const nowMs = app.clock.now().getTime();
  if (tally.at(AUTHENTICATION_FAILURES, nowMs) + tally.at(ENUMERATION, nowMs) < FAILURES_MAX) return null;
  app.metrics.count("threat_blocks", { subject: "NETWORK" });
  app.log.warn({ network: networkText(network) }, "threat: a network that fails to authenticate is blocked");
  void clearTally(app, networkKey(network), tally);
  void listNetworkBlock(app, network, new Date(nowMs + BLOCK_MS));
  return BLOCK_MS;
}

/** The verdict follows beside the work, so that no answer takes longer for a client that is known. */
function countNamed(app: App, client: PrincipalRef, requestId: string): void {
  const key = `named:${client.tenantNo}:${client.principalId}`;
  const tally = attemptsIn(clients(app), key);
  tally.add(AUTHENTICATION_FAILURES, 1, app.clock.now().getTime());
  shareSoon(app, { key, tally, shared: () => tellOfNamed(app, client, { key, tally, requestId }) });
}

async function tellOfNamed(
  app: App,
  { tenantId, tenantNo, principalId: clientId, partnerId }: PrincipalRef,
  { key, tally, requestId }: { readonly key: string; readonly tally: Attempts; readonly requestId: string },
): Promise<void> {
  const actor = systemActor({ tenantId, tenantNo }, requestId);
  const standing = await standingOf(app);
  const inForce = standing.rulesOf(tenantNo);
  const partner = partnerId === null ? null : await partnerOf(app, actor, partnerId);
  const subject = ThreatSubject.CLIENT;
  const facts = new Map([[AUTHENTICATION_FAILURES, tally.at(AUTHENTICATION_FAILURES, app.clock.now().getTime())]]);
  const found = judge(inForce.rules, subject, facts, standing.percentOf(tenantNo, partner?.no ?? 0, subject));
  if (found.verdict === ThreatVerdict.PASS) return;
  // Whoever only names a client never has it blocked.
  const finding = { ...found, verdict: ThreatVerdict.REVIEW };
  if (!isToTell(app, key, finding.verdict)) return;
  const assessed = { subject, subjectId: clientId, clientId, partner, finding, inForce };
  if (!(await raise(app, actor, assessed))) forgetTold(app, key);
}

function attemptsIn(all: BoundedMap<string, Attempts>, key: string): Attempts {
  const known = all.get(key);
  if (known !== undefined) return known;
  const tally: Attempts = new Tally(ATTEMPTS_HALF_LIFE_MS);
  all.set(key, tally);
  return tally;
}

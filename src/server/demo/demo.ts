import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { present } from "../../kernel/assert.js";
import { type Clock, instantText } from "../../kernel/clock.js";
import type { App } from "../../platform/app.js";
import { settle } from "../../settlement/runs/service.js";
import type { Sender } from "../partner/delivery.js";
import { openProgress, type ProgressStream } from "../partner/progress.js";
import { openSession, type Session } from "../partner-client.js";
import {
  checkBooks,
  checkInclusion,
  checkReceipts,
  checkStatements,
  checkTotals,
  type Finding,
  fetchJwks,
  type Played,
} from "./checks.js";
import { type History, sendHistory, simulatedHistory } from "./history.js";
import { DEMO_PROFILES, type PartnerProfile } from "./profile.js";
import { cycleOf, invitePerson, operatorOf, setUp } from "./setup.js";
import {
  ADMIN_KEY,
  type Cast,
  type DemoPlace,
  type DemoState,
  newState,
  openDemoPlace,
  readState,
  writeDone,
  writeState,
} from "./state.js";
import { carriedLosses, findingLines, type PartnerLine, partnerTable, pointersText } from "./summary.js";
import { type LivePartner, trickle } from "./trickle.js";

/** What a demo runs on, and what it is told. */
export interface DemoInput {
  /** Where the API answers. */
  readonly url: string;
  readonly dataDir: string;
  readonly isTrickleOnly: boolean;
  /** How many transactions the history has; a demo that was begun goes on with what it was told then. */
  readonly transactions: number;
  readonly clock: Clock;
  /** Ends it, wherever it is; the next start goes on from there. */
  readonly signal: AbortSignal;
  /** Opens the server's own side, for setting up and settling. */
  readonly withApp: <T>(work: (app: App) => Promise<T>) => Promise<T>;
  /** Where progress is drawn; null draws none. */
  readonly progress: ProgressStream | null;
  /** A line for people: what is being done. */
  readonly say: (line: string) => void;
  /** The table and what follows it. */
  readonly show: (text: string) => void;
}

/** The size of the demo's history. */
export const DEMO_TRANSACTIONS = 100_000;

/**
 * Plays the demo: creates its tenant and partners, sends thirty days of signed batches through the API, settles and
 * verifies them, shows a table, and keeps live traffic coming until the signal. Interrupted, the next start goes on
 * with the same history. Throws when anything does not verify.
 */
export async function playDemo(input: DemoInput): Promise<void> {
  const place = openDemoPlace(input.dataDir);
  const known = readState(place);
  const isTrickleOnly = input.isTrickleOnly && known !== null && known.cast !== null;
  const state = isTrickleOnly ? known : await begun(input, place, known);
  const stage = await openStage(input, place, present(state.cast, "the cast of a demo that was set up"));
  if (!isTrickleOnly) await playHistory(input, place, state, stage);
  const live = stage.players.map(({ profile, sender }): LivePartner => ({ profile, sender }));
  const { clock, signal, say } = input;
  await trickle(live, { seed: state.seed, clock, signal, say });
}

/** A partner as the demo plays it. */
interface Player {
  readonly profile: PartnerProfile;
  readonly partnerId: string;
  readonly clientId: string;
  /** Who signs for it: itself, or the tenant. */
  readonly sender: Sender;
  readonly session: Session;
}

interface Stage {
  readonly cast: Cast;
  readonly admin: Session;
  readonly players: readonly Player[];
}

/** The state of this run: what the first start decided, whom it created, and one more run. */
async function begun(input: DemoInput, place: DemoPlace, known: DemoState | null): Promise<DemoState> {
  const first = known ?? newState(input.clock, input.transactions);
  const state = { ...first, run: first.run + 1 };
  writeState(place, state);
  input.say(known === null ? "demo: creating a tenant and three partners" : "demo: going on where it was interrupted");
  const cast = await input.withApp((app) => setUp(app, place, state, DEMO_PROFILES));
  writeState(place, { ...state, cast });
  return { ...state, cast };
}

async function openStage({ url }: DemoInput, place: DemoPlace, cast: Cast): Promise<Stage> {
  const { tenantId: aud, adminClientId } = cast;
  const admin = await openSession({ url, clientId: adminClientId, keyFile: place.keyFile(ADMIN_KEY) });
  const players: Player[] = [];
  for (const { code, partnerId, clientId } of cast.players) {
    const profile = present(
      DEMO_PROFILES.find((candidate) => candidate.code === code),
      "a profile of the cast",
    );
    const session = await openSession({ url, clientId, keyFile: place.keyFile(code) });
    const sender = profile.signedByTenant
      ? { session: admin, parties: { iss: aud, aud, sub: partnerId }, mayReadBatches: true }
      : { session, parties: { iss: partnerId, aud }, mayReadBatches: true };
    players.push({ profile, partnerId, clientId, sender, session });
  }
  return { cast, admin, players };
}

async function playHistory(input: DemoInput, place: DemoPlace, state: DemoState, stage: Stage): Promise<void> {
  const { say, show, withApp } = input;
  say("demo: simulating thirty days");
  const histories = stage.players.map(({ profile }) => simulatedHistory(profile, state));
  const sent = await sendAll(input, state, stage, histories);
  say("demo: settling what is due");
  const settled = await withApp((app) => settleAll(app, input.clock, stage.cast));
  const played = stage.players.map(
    ({ partnerId, session }, index): Played => ({
      ...{ partnerId, session, sent: sent[index] ?? [] },
      control: present(histories[index], "a history").control,
      statementIds: (settled[index] ?? []).map(({ statementId }) => statementId),
    }),
  );
  say("demo: verifying");
  const findings = await verifyAll(input, stage.cast, played);
  const lines = stage.players.map(
    ({ profile }, index): PartnerLine => ({
      ...{ profile, cycle: cycleOf(profile), control: present(histories[index], "a history").control },
      ...{ batches: sent[index]?.length ?? 0, settled: settled[index] ?? [] },
    }),
  );
  show(`\n${[partnerTable(lines), ...carriedLosses(lines), "Verified", findingLines(findings)].join("\n\n")}`);
  const isRight = findings.every(({ faults }) => faults.length === 0);
  if (!isRight) throw new Error("The demo does not verify; see above.");
  const invitation = await withApp((app) => invitePerson(app, stage.cast, state));
  show(`\n${await pointers(input, place, stage, invitation)}\n`);
  writeDone(place, state, stage.cast);
}

async function sendAll(
  { signal, say, progress: stream }: DemoInput,
  { run }: DemoState,
  { players }: Stage,
  histories: readonly History[],
) {
  const total = histories.reduce((sum, { control }) => sum + control.items, 0);
  say(`demo: ${total} signed transactions go through the API`);
  const progress = openProgress(stream);
  let [rows, batches] = [0, 0];
  const onItems = (items: number) => {
    rows += items;
    batches += 1;
    progress.at(rows / total, { rows, batches });
  };
  const failing = new AbortController();
  const until = AbortSignal.any([signal, failing.signal]);
  const sends = players.map(({ sender }, index) =>
    sendHistory(sender, present(histories[index], "a history"), { run, signal: until }, onItems),
  );
  try {
    return await Promise.all(sends);
  } finally {
    failing.abort(); // where one failed, the others stop
    progress.end();
  }
}

async function settleAll(app: App, clock: Clock, cast: Cast) {
  const actor = await operatorOf(app, cast);
  return Promise.all(cast.players.map(({ partnerId }) => settle(app, actor, { partnerId, through: clock.now() })));
}

async function verifyAll({ url, withApp }: DemoInput, cast: Cast, played: readonly Played[]): Promise<Finding[]> {
  const jwks = await fetchJwks(url);
  const outside = [
    checkReceipts(jwks, played),
    await checkStatements(jwks, played),
    await checkInclusion(jwks, played),
  ];
  return withApp(async (app) => [...outside, await checkTotals(app, cast, played), await checkBooks(app, cast)]);
}

async function pointers(
  { url, dataDir, clock }: DemoInput,
  place: DemoPlace,
  { admin, cast, players }: Stage,
  invitation: string,
) {
  const [{ partnerId, clientId, profile }] = [present(players[0], "a partner")];
  const sampleFile = join(place.folder, "sample.csv");
  writeFileSync(sampleFile, sampleCsv(profile, clock));
  const here = (file: string) => (relative("", file).startsWith("..") ? file : relative("", file) || ".");
  return pointersText({
    ...{
      url,
      invitation,
      token: await admin.token(),
      dataDir: here(dataDir),
      command: "bin/quittance",
      partnerId,
      clientId,
    },
    ...{ adminClientId: cast.adminClientId, adminKeyFile: here(place.keyFile(ADMIN_KEY)) },
    ...{ keyFile: here(place.keyFile(profile.code)), sampleFile: here(sampleFile) },
  });
}

/** Three transactions of now, to be imported by hand. */
function sampleCsv({ currency }: PartnerProfile, clock: Clock): string {
  const at = instantText(clock.now());
  const id = clock.now().getTime().toString(36);
  const rows = [
    `sample-${id}-B,BET,tiger-reels,sample-${id},sample-player,5000,${currency},${at}`,
    `sample-${id}-W,WIN,tiger-reels,sample-${id},sample-player,7500,${currency},${at}`,
    `sample-${id}-G,BONUS,tiger-reels,,sample-player,100,${currency},${at}`,
  ];
  return `transactionId,kind,product,roundId,player,amount,currency,occurredAt\n${rows.join("\n")}\n`;
}

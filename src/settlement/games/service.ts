import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { checkSecondPerson } from "../../identity/four-eyes/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { isId, newId } from "../../kernel/ids.js";
import { type Page, type PageRequest, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import type { Reader, Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { settlementError } from "../errors.js";
import { retryAtOnce } from "../incidents/service.js";
import { GameSetting, GameSettingsState } from "./entities.js";
import { type GameTerms, type OwnSettings, termsOfGame } from "./rules.js";

/** Settings of a game type, or where a partner is named of its game; they take the place of what was set before. */
export interface NewGameSettings {
  readonly partnerId?: string | null;
  /** The type's name, or the game's product code. */
  readonly code: string;
  /** Games only. */
  readonly category?: string | null;
  readonly group?: string | null;
  readonly bonusCost?: boolean | null;
}

const NO_PARTNER = 0;

/** Proposed settings that shall not stand, and why. */
export interface RefusedGameSettings {
  readonly gameSettingsId: string;
  readonly reason: string;
}

/** Whose settings, and where they stand. */
export interface GameSettingsFilter {
  /** Whose games; null for the game types. */
  readonly partner: Partner | null;
  readonly state: GameSettingsState;
}

/**
 * Proposes what shall hold for a game type or a game; it holds once a second person approves it. A game type has no
 * type of its own (`VALIDATION`).
 */
export async function setGameSettings(
  app: App,
  actor: Actor,
  { partnerId = null, ...input }: NewGameSettings,
  idempotencyKey: string | null = null,
): Promise<GameSetting> {
  const partner = partnerId === null ? null : await partnerOf(app, actor, partnerId);
  const { code, category = null, group = null, bonusCost = null } = input;
  if (partner === null && category !== null) {
    throw settlementError("VALIDATION", { path: "/category", reason: "A game type has no type of its own." });
  }
  const settings = { code, category, group, bonusCost };
  const request = { operation: "setGameSettings", idempotencyKey, input: { partnerId, ...settings } };
  const id = await once(app, actor, request, (tx) => propose(app, tx, actor, { partner, ...settings }));
  return settingsOf(app, actor, id);
}

/**
 * Lets proposed settings stand from now on: every period that is closed later takes them, whichever contract settles
 * it, and they take the place of all that stood for that game type or game. Refused to who proposed them (`FORBIDDEN`),
 * except at the server's own shell, and where they do not wait or others that were proposed later stand
 * (`VERSION_CONFLICT`).
 */
export async function approveGameSettings(
  app: App,
  actor: Actor,
  gameSettingsId: string,
  idempotencyKey: string | null = null,
): Promise<GameSetting> {
  await settingsOf(app, actor, gameSettingsId);
  const request = { operation: "approveGameSettings", idempotencyKey, input: { gameSettingsId } };
  await once(app, actor, request, async (tx) => {
    const pending = await lockPending(tx, actor, gameSettingsId);
    const reason = "Who proposed settings may not approve them.";
    await checkSecondPerson(tx, actor, { by: [pending.setBy], reason });
    await putInForce(app, tx, actor, pending);
    await retryAtOnce(tx, actor.tenantNo, null);
    return gameSettingsId;
  });
  return settingsOf(app, actor, gameSettingsId);
}

/** Refuses proposed settings for good, by whoever should approve them or who proposed them (`VERSION_CONFLICT`). */
export async function refuseGameSettings(
  app: App,
  actor: Actor,
  { gameSettingsId, reason }: RefusedGameSettings,
  idempotencyKey: string | null = null,
): Promise<GameSetting> {
  await settingsOf(app, actor, gameSettingsId);
  const request = { operation: "refuseGameSettings", idempotencyKey, input: { gameSettingsId, reason } };
  await once(app, actor, request, async (tx) => {
    const pending = await lockPending(tx, actor, gameSettingsId);
    const { tenantNo, no, code, state } = pending;
    const refused = GameSettingsState.REFUSED;
    await tx.update(GameSetting, { tenantNo, no }, { state: refused, decidedBy: actor.principalId });
    const summary = { code, ...summaryOf(pending) };
    const [before, after] = [
      { ...summary, state },
      { ...summary, state: refused, reason },
    ];
    const about = { subjectId: gameSettingsId, partner: await partnerIn(tx, pending), before, after };
    await recordActs(tx, actor, app.clock.now(), [{ type: ActType.GAME_SETTINGS_REFUSED, ...about }]);
    return gameSettingsId;
  });
  return settingsOf(app, actor, gameSettingsId);
}

/** Settings of a partner's games or of the game types, where they stand as is asked, in the order of proposing. */
export async function gameSettingsOf(
  app: App,
  actor: Actor,
  filter: GameSettingsFilter,
  request: PageRequest,
): Promise<Page<GameSetting>> {
  const { rows, after } = pageStart(request, "game-settings");
  const query = app.database.manager.createQueryBuilder(GameSetting, "setting").where(keyOf(actor, filter));
  if (after !== null) query.andWhere("setting.no > :after", { after });
  const found = await query
    .orderBy("setting.no")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ no }) => String(no));
}

/** How many settings those are. */
export async function countGameSettings(app: App, actor: Actor, filter: GameSettingsFilter): Promise<number> {
  return app.database.manager.countBy(GameSetting, keyOf(actor, filter));
}

/** What holds for a partner's games. */
export interface Games {
  /** By the product's code. */
  readonly termsOf: (product: string) => GameTerms;
  /** Whether the bonus cost of any is not deducted. */
  readonly someAreBonusFree: boolean;
}

/** What held for a partner's games at an instant, whatever was set since; or (null) what holds now. */
export async function gamesAt(reader: Reader, { tenantNo, no }: Partner, instant: Date | null): Promise<Games> {
  const rows: (StoredSettings & { code: string; partnerNo: number })[] = await reader.query(
    `select partner_no as partnerNo, code, category, game_group as \`group\`, bonus_cost as bonusCost
     from game_setting
     where tenant_no = ? and partner_no in (0, ?) and set_at <= coalesce(?, set_at)
       and (superseded_at is null or superseded_at > ?)
     order by no`,
    [tenantNo, no, instant, instant],
  );
  const of = (partnerNo: number) =>
    new Map(rows.filter((row) => row.partnerNo === partnerNo).map((row) => [row.code, ownSettings(row)]));
  const [types, games] = [of(NO_PARTNER), of(no)];
  return {
    termsOf: (product) => termsOfGame(games.get(product), types),
    someAreBonusFree: [...types.values(), ...games.values()].some(({ bonusCost }) => bonusCost === false),
  };
}

interface StoredSettings {
  readonly category: string | null;
  readonly group: string | null;
  readonly bonusCost: number | boolean | null;
}

function ownSettings({ category, group, bonusCost }: StoredSettings): OwnSettings {
  return { category, group, bonusCost: bonusCost === null ? null : Boolean(bonusCost) };
}

function keyOf({ tenantNo }: Actor, { partner, state }: GameSettingsFilter) {
  return { tenantNo, partnerNo: partner?.no ?? NO_PARTNER, state };
}

/** Settings of the tenant's, by their id; `NOT_FOUND` for anything else, and to partners. */
async function settingsOf(app: App, { tenantNo, partnerId }: Actor, id: string): Promise<GameSetting> {
  const isForm = isId(id, "gms") && partnerId === null;
  const settings = isForm ? await app.database.manager.findOneBy(GameSetting, { tenantNo, id }) : null;
  if (settings === null) throw settlementError("NOT_FOUND", { what: "game settings" });
  return settings;
}

interface ToSet extends OwnSettings {
  readonly partner: Partner | null;
  readonly code: string;
}

async function propose(app: App, tx: Tx, actor: Actor, { partner, code, ...settings }: ToSet): Promise<string> {
  const { tenantNo, principalId: setBy } = actor;
  const [id, proposedAt] = [newId("gms", app.clock), app.clock.now()];
  const own = { tenantNo, partnerNo: partner?.no ?? NO_PARTNER, id, code };
  await tx.insert(GameSetting, { ...own, ...settings, setBy, proposedAt });
  const after = { code, ...summaryOf(settings) };
  const act = { type: ActType.GAME_SETTINGS_PROPOSED, subjectId: id, partner, after };
  await recordActs(tx, actor, proposedAt, [act]);
  return id;
}

/** The tenant's row is the lock under which settings come to stand. */
async function lockPending(tx: Tx, { tenantId, tenantNo }: Actor, id: string): Promise<GameSetting> {
  await tx.query("select id from tenant where id = ? for update", [tenantId]);
  const found = present(await tx.findOneBy(GameSetting, { tenantNo, id }), "settings that were just read");
  if (found.state === GameSettingsState.PENDING_APPROVAL) return found;
  throw settlementError("VERSION_CONFLICT", { reason: `The settings are ${found.state}.` });
}

async function putInForce(app: App, tx: Tx, actor: Actor, pending: GameSetting): Promise<void> {
  const { tenantNo, partnerNo, no, id, code } = pending;
  const key = { tenantNo, partnerNo, code, state: GameSettingsState.ACTIVE };
  const known = await tx.findOneBy(GameSetting, key);
  if (known !== null && known.no > no) {
    throw settlementError("VERSION_CONFLICT", { reason: "Settings that were proposed later stand." });
  }
  const setAt = app.clock.now();
  await tx.update(GameSetting, key, { state: GameSettingsState.SUPERSEDED, supersededAt: setAt });
  const inForce = { state: GameSettingsState.ACTIVE, decidedBy: actor.principalId, setAt };
  await tx.update(GameSetting, { tenantNo, no }, inForce);
  const before = known === null ? {} : { before: summaryOf(known) };
  const about = { subjectId: id, partner: await partnerIn(tx, pending), ...before };
  const act = { type: ActType.GAME_SETTINGS_SET, ...about, after: { code, ...summaryOf(pending) } };
  await recordActs(tx, actor, setAt, [act]);
}

async function partnerIn(tx: Tx, { tenantNo, partnerNo: no }: GameSetting): Promise<Partner | null> {
  return no === NO_PARTNER ? null : tx.findOneBy(Partner, { tenantNo, no });
}

function summaryOf({ category, group, bonusCost }: OwnSettings) {
  return { category, group, bonusCost };
}

import { IsNull } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { newId } from "../../kernel/ids.js";
import { type Page, type PageRequest, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import type { Reader, Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { settlementError } from "../errors.js";
import { GameSetting } from "./entities.js";
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

/**
 * Sets what holds for a game type or a game from now on: every period that is closed later takes it, whichever contract
 * settles it. A game type has no type of its own (`VALIDATION`).
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
  const id = await once(app, actor, request, (tx) => write(app, tx, actor, { partner, ...settings }));
  const { tenantNo } = actor;
  return present(await app.database.manager.findOneBy(GameSetting, { tenantNo, id }), "settings that were just set");
}

/** The settings that stand, of a partner's games or (null) of the game types, in the order of setting. */
export async function gameSettingsOf(
  app: App,
  actor: Actor,
  partner: Partner | null,
  request: PageRequest,
): Promise<Page<GameSetting>> {
  const { rows, after } = pageStart(request, "game-settings");
  const query = app.database.manager.createQueryBuilder(GameSetting, "setting").where(standing(actor, partner));
  if (after !== null) query.andWhere("setting.no > :after", { after });
  const found = await query
    .orderBy("setting.no")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ no }) => String(no));
}

/** How many settings stand. */
export async function countGameSettings(app: App, actor: Actor, partner: Partner | null): Promise<number> {
  return app.database.manager.countBy(GameSetting, standing(actor, partner));
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

function standing({ tenantNo }: Actor, partner: Partner | null) {
  return { tenantNo, partnerNo: partner?.no ?? NO_PARTNER, supersededAt: IsNull() };
}

interface ToSet extends OwnSettings {
  readonly partner: Partner | null;
  readonly code: string;
}

async function write(app: App, tx: Tx, actor: Actor, { partner, code, ...settings }: ToSet): Promise<string> {
  const { tenantId, principalId: setBy } = actor;
  await tx.query("select id from tenant where id = ? for update", [tenantId]); // one at a time sets the same game
  const [id, setAt] = [newId("gms", app.clock), app.clock.now()];
  const key = { ...standing(actor, partner), code };
  const known = await tx.findOneBy(GameSetting, key);
  await tx.update(GameSetting, key, { supersededAt: setAt });
  const { supersededAt: _, ...own } = key;
  await tx.insert(GameSetting, { ...own, id, ...settings, setBy, setAt });
  const before = known === null ? {} : { before: summaryOf(known) };
  const after = { code, ...summaryOf(settings) };
  await recordActs(tx, actor, setAt, [{ type: ActType.GAME_SETTINGS_SET, subjectId: id, partner, ...before, after }]);
  return id;
}

function summaryOf({ category, group, bonusCost }: OwnSettings) {
  return { category, group, bonusCost };
}

import { type Command, Option } from "commander";
import type { Actor } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { type GameSetting, GameSettingsState } from "../../settlement/games/entities.js";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { codeOf } from "./arguments.js";
import { everyRow } from "./pages.js";
import { shellActorOf } from "./tenants.js";

interface GameOptions extends ServerOptions {
  readonly tenant: string;
  readonly partner?: string;
  readonly json?: boolean;
}

interface SetOptions extends GameOptions {
  readonly category?: string;
  /** False: none, whatever the type says. */
  readonly group?: string | false;
  readonly bonusCost?: "deducted" | "kept";
}

interface ListOptions extends GameOptions {
  readonly state: GameSettingsState;
}

/** The commands about what holds for game types and games, `game …`. */
export function register(program: Command): void {
  const game = program.command("game").description("what holds for game types and games, in every contract");
  ofTenant(game.command("set").description("say all that holds for a game type or a game, as two recorded acts"))
    .argument("<code>", "the game type, or with --partner the game's product", codeOf)
    .option("--partner <id>", "whose game")
    .option("--category <type>", "with --partner: the game's type (default: OTHER)", codeOf)
    .option("--group <code>", "the group whose terms hold (default: as the type says)", codeOf)
    .option("--no-group", "no group, whatever the type says")
    .addOption(
      new Option("--bonus-cost <what>", "whether bases deduct it (default: as the type says)").choices([
        "deducted",
        "kept",
      ]),
    )
    .action(set);
  ofTenant(game.command("list").description("what was said of the game types, or with --partner of its games"))
    .option("--partner <id>", "whose games")
    .addOption(
      new Option("--state <state>", "only settings that stand there")
        .choices(Object.values(GameSettingsState))
        .default(GameSettingsState.ACTIVE),
    )
    .action(print);
}

function ofTenant(command: Command): Command {
  return addServerOptions(command)
    .requiredOption("--tenant <id>", "the tenant")
    .option("--json", "print one JSON document");
}

async function atShell<T>(options: GameOptions, work: (app: App, actor: Actor) => Promise<T>): Promise<T> {
  return withApp(options, async (app) => work(app, await shellActorOf(app, options.tenant)));
}

async function set(code: string, options: SetOptions): Promise<void> {
  const { partner: partnerId = null, category = null, group = null, bonusCost } = options;
  const said = {
    group: group === false ? "" : group,
    bonusCost: bonusCost === undefined ? null : bonusCost !== "kept",
  };
  const { approveGameSettings, setGameSettings } = await import("../../settlement/games/service.js");
  const settings = await atShell(options, async (app, actor) => {
    const { id } = await setGameSettings(app, actor, { partnerId, code, category, ...said });
    return approveGameSettings(app, actor, id);
  });
  if (options.json === true) printJson(rowOf(settings));
  else console.log(sentenceOf(settings));
}

async function print(options: ListOptions): Promise<void> {
  const { gameSettingsOf } = await import("../../settlement/games/service.js");
  const { partnerOf } = await import("../../tenancy/service.js");
  const found = await atShell(options, async (app, actor) => {
    const partner = options.partner === undefined ? null : await partnerOf(app, actor, options.partner);
    return everyRow("game-settings", (page) => gameSettingsOf(app, actor, { partner, state: options.state }, page));
  });
  if (options.json === true) return printJson(found.map(rowOf));
  for (const each of found) console.log(sentenceOf(each));
}

function rowOf({ id, state, code, category, group, bonusCost }: GameSetting) {
  return { id, state, code, category, group, bonusCost };
}

function sentenceOf({ id, state, code, category, group, bonusCost }: GameSetting): string {
  const said = [
    ...(category === null ? [] : [`type ${category}`]),
    ...(group === null ? [] : [group === "" ? "no group" : `group ${group}`]),
    ...(bonusCost === null ? [] : [`bonus cost ${bonusCost ? "deducted" : "kept"}`]),
  ];
  return `${id}  ${state.padEnd(16)}  ${code}: ${said.join(", ") || "nothing of its own"}`;
}

import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from "type-graphql";
import { nameFor } from "../../kernel/actor.js";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { partnerNamedOrOwn } from "../../tenancy/service.js";
import { GameSetting, GameSettingsState } from "./entities.js";
import { ApproveGameSettingsInput, GameSettingsArgs, RefuseGameSettingsInput, SetGameSettingsInput } from "./inputs.js";
import {
  approveGameSettings,
  countGameSettings,
  gameSettingsOf,
  refuseGameSettings,
  setGameSettings,
} from "./service.js";

const GameSettingsConnection = connectionType("GameSettings", GameSetting);

/** The answer to the mutations of game settings. */
@ObjectType({ description: "The settings as they stand now." })
class GameSettingsPayload {
  @Field(() => GameSetting, { description: "The settings." })
  readonly gameSettings!: GameSetting;
}

/** Settings of game types and games: propose, approve, refuse and read. */
@Resolver(() => GameSetting)
export class GameSettingsResolver {
  @Authorized("configs:draft", "configs:approve")
  @Mutation(() => GameSettingsPayload, {
    description:
      "Propose what shall hold for a game type or a game, in every contract, once a second person approves it.",
  })
  async setGameSettings(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => SetGameSettingsInput, { description: "The type or game, and all its settings." })
    { idempotencyKey, ...input }: SetGameSettingsInput,
  ): Promise<GameSettingsPayload> {
    return { gameSettings: await setGameSettings(app, actor, input, idempotencyKey) };
  }

  @Authorized("configs:approve")
  @Mutation(() => GameSettingsPayload, {
    description: "Let settings that somebody else proposed stand, for every period that is closed from now.",
  })
  async approveGameSettings(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ApproveGameSettingsInput, { description: "The settings." })
    { idempotencyKey, gameSettingsId }: ApproveGameSettingsInput,
  ): Promise<GameSettingsPayload> {
    return { gameSettings: await approveGameSettings(app, actor, gameSettingsId, idempotencyKey) };
  }

  @Authorized("configs:draft", "configs:approve")
  @Mutation(() => GameSettingsPayload, { description: "Refuse proposed settings for good, or take them back." })
  async refuseGameSettings(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RefuseGameSettingsInput, { description: "The settings, and why." })
    { idempotencyKey, ...input }: RefuseGameSettingsInput,
  ): Promise<GameSettingsPayload> {
    return { gameSettings: await refuseGameSettings(app, actor, input, idempotencyKey) };
  }

  @Authorized("settlements:read", "configs:draft", "configs:approve")
  @Query(() => GameSettingsConnection, {
    description: "Settings of the game types or of a partner's games, by default those that stand; oldest first.",
  })
  async gameSettings(
    @Ctx() { app, actor }: Context,
    @Args(() => GameSettingsArgs) { partnerId = null, state: asked, ...page }: GameSettingsArgs,
  ): Promise<Connection<GameSetting>> {
    const isOfTypes = partnerId === null && actor.partnerId === null;
    const partner = isOfTypes ? null : await partnerNamedOrOwn(app, actor, partnerId);
    const state = actor.partnerId === null ? asked : GameSettingsState.ACTIVE;
    const settings = await gameSettingsOf(app, actor, { partner, state }, page);
    return connectionOf("game-settings", settings, page.after, () => countGameSettings(app, actor, { partner, state }));
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "Who proposed them: a client's or a person's id, or `shell`; null for partners.",
  })
  setBy(@Ctx() { actor }: Context, @Root() { setBy }: GameSetting): string | null {
    return nameFor(actor, setBy);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "Who approved or refused them: a client's or a person's id, or `shell`; null for partners.",
  })
  decidedBy(@Ctx() { actor }: Context, @Root() { decidedBy }: GameSetting): string | null {
    return nameFor(actor, decidedBy);
  }
}

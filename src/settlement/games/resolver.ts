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
import { GameSetting } from "./entities.js";
import { GameSettingsArgs, SetGameSettingsInput } from "./inputs.js";
import { countGameSettings, gameSettingsOf, setGameSettings } from "./service.js";

const GameSettingsConnection = connectionType("GameSettings", GameSetting);

/** The answer to `setGameSettings`. */
@ObjectType({ description: "The settings as they stand now." })
class GameSettingsPayload {
  @Field(() => GameSetting, { description: "The settings." })
  readonly gameSettings!: GameSetting;
}

/** Settings of game types and games: set and read. */
@Resolver(() => GameSetting)
export class GameSettingsResolver {
  @Authorized("configs:approve")
  @Mutation(() => GameSettingsPayload, {
    description:
      "Set what holds for a game type or a game, in every contract and every period that is closed from now.",
  })
  async setGameSettings(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => SetGameSettingsInput, { description: "The type or game, and all its settings." })
    { idempotencyKey, ...input }: SetGameSettingsInput,
  ): Promise<GameSettingsPayload> {
    return { gameSettings: await setGameSettings(app, actor, input, idempotencyKey) };
  }

  @Authorized("settlements:read", "configs:draft", "configs:approve")
  @Query(() => GameSettingsConnection, {
    description: "The settings that stand, of the game types or of a partner's games, in the order of setting.",
  })
  async gameSettings(
    @Ctx() { app, actor }: Context,
    @Args(() => GameSettingsArgs) { partnerId = null, ...page }: GameSettingsArgs,
  ): Promise<Connection<GameSetting>> {
    const isOfTypes = partnerId === null && actor.partnerId === null;
    const partner = isOfTypes ? null : await partnerNamedOrOwn(app, actor, partnerId);
    const settings = await gameSettingsOf(app, actor, partner, page);
    return connectionOf("game-settings", settings, page.after, () => countGameSettings(app, actor, partner));
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "Who set it: a client's or a person's id, or `shell`; null for partners.",
  })
  setBy(@Ctx() { actor }: Context, @Root() { setBy }: GameSetting): string | null {
    return nameFor(actor, setBy);
  }
}

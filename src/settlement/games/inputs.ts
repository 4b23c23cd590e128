import { IsBoolean, IsEnum, IsOptional, Length, Matches } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";
import { GameSettingsState } from "./entities.js";

const CODE = /^[A-Za-z0-9._:-]{1,64}$/;
const CODE_OR_NONE = /^[A-Za-z0-9._:-]{0,64}$/;

/** Settings of a game type or a game, whole. */
@InputType({
  description: "Settings of a game type, or of a game of a partner. They take the place of all that was set for it.",
})
export class SetGameSettingsInput extends RepeatableInput {
  @Field(() => ID, { nullable: true, description: "Whose game; left out for a game type." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => String, {
    description: "The game type, or the game's `product` as transactions spell it: 1–64 of `[A-Za-z0-9._:-]`.",
  })
  @Matches(CODE)
  readonly code!: string;

  @Field(() => String, { nullable: true, description: "Games only: the type, such as `SLOTS`; null is `OTHER`." })
  @IsOptional()
  @Matches(CODE)
  readonly category?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The group whose terms hold, for contracts with an override for it; empty for none, null as the type.",
  })
  @IsOptional()
  @Matches(CODE_OR_NONE)
  readonly group?: string | null;

  @Field(() => Boolean, { nullable: true, description: "Whether its bonus cost is deducted; null as the type." })
  @IsOptional()
  @IsBoolean()
  readonly bonusCost?: boolean | null;
}

/** Settings that shall stand. */
@InputType({ description: "Proposed settings that shall stand." })
export class ApproveGameSettingsInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `gms_`." })
  readonly gameSettingsId!: string;
}

/** Settings that shall not stand. */
@InputType({ description: "Proposed settings that shall not stand." })
export class RefuseGameSettingsInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `gms_`." })
  readonly gameSettingsId!: string;

  @Field(() => String, { description: "Why; 1–500 characters." })
  @Length(1, 500)
  readonly reason!: string;
}

/** A page of settings. */
@ArgsType()
export class GameSettingsArgs extends PageArgs {
  @Field(() => GameSettingsState, {
    defaultValue: GameSettingsState.ACTIVE,
    description: "Only those that stand there; partners see those that are in force, whatever they ask for.",
  })
  @IsEnum(GameSettingsState)
  readonly state!: GameSettingsState;

  @Field(() => ID, {
    nullable: true,
    description: "Whose games; left out: the game types, to a partner's own client its games.",
  })
  @IsOptional()
  readonly partnerId?: string | null;
}

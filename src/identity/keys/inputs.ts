import { IsOptional } from "class-validator";
import { ArgsType, Field, ID } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { KeyState } from "../entities.js";

/** A page of keys. */
@ArgsType()
export class KeysArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Only those of this client." })
  @IsOptional()
  readonly clientId?: string | null;

  @Field(() => KeyState, { nullable: true, description: "Only those in this state." })
  @IsOptional()
  readonly state?: KeyState | null;
}

import { Length } from "class-validator";
import { Field, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";

/** A block of a network to be lifted. */
@InputType({ description: "A block of a network to be lifted." })
export class LiftNetworkBlockInput extends RepeatableInput {
  @Field(() => String, { description: "The network as `networkBlocks` has it, or an address in it." })
  @Length(2, 64)
  readonly network!: string;

  @Field(() => String, { description: "Why, for the audit record; 1–200 characters." })
  @Length(1, 200)
  readonly reason!: string;
}

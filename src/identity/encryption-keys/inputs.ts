import { Field, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";
import { EncryptionKeyKind } from "./entities.js";

/** What `rotateEncryptionKey` takes. */
@InputType({ description: "Which encryption key is to be replaced." })
export class RotateEncryptionKeyInput extends RepeatableInput {
  @Field(() => EncryptionKeyKind, {
    defaultValue: EncryptionKeyKind.EC,
    description: "Its kind; the first of a kind replaces none.",
  })
  readonly kind!: EncryptionKeyKind;
}

import { Length } from "class-validator";
import { Field, ID, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";

/** What `suspendKey` takes. */
@InputType({ description: "A key that is to be refused until it is resumed." })
export class SuspendKeyInput extends RepeatableInput {
  @Field(() => ID, { description: "The key." })
  readonly keyId!: string;

  @Field(() => String, { description: "Why, for the audit record; 1–200 characters." })
  @Length(1, 200)
  readonly reason!: string;
}

/** What `resumeKey` takes. */
@InputType({ description: "A suspended key that is to be used again." })
export class ResumeKeyInput extends RepeatableInput {
  @Field(() => ID, { description: "The key." })
  readonly keyId!: string;

  @Field(() => String, { description: "Why, for the audit record; 1–200 characters." })
  @Length(1, 200)
  readonly reason!: string;
}

/** What `expireKey` takes. */
@InputType({ description: "A key and its end." })
export class ExpireKeyInput extends RepeatableInput {
  @Field(() => ID, { description: "The key." })
  readonly keyId!: string;

  @Field(() => Date, {
    description: "The key is refused from this instant on; it may be brought forward, not put off.",
  })
  readonly expiresAt!: Date;
}

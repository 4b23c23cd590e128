import { Field, ID, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";

/** What `endSession` takes. */
@InputType({ description: "A session that is to end." })
export class EndSessionInput extends RepeatableInput {
  @Field(() => ID, { description: "The session: one's own, or with `clients:manage` anybody's of the tenant." })
  readonly sessionId!: string;
}

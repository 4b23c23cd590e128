import { Field, ID, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";

/** A statement to approve. */
@InputType({ description: "A statement to approve." })
export class ApproveStatementInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `stm_`." })
  readonly statementId!: string;
}

/** A statement whose money is to be released. */
@InputType({ description: "A statement whose money is to be released." })
export class ReleaseStatementInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `stm_`." })
  readonly statementId!: string;
}

import { Length, Matches } from "class-validator";
import { Field, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";
import { DOCUMENT_CHARS_MAX } from "../../platform/documents.js";

/** What `registerTrustedDocument` takes. */
@InputType({ description: "A document to be run by its hash." })
export class RegisterTrustedDocumentInput extends RepeatableInput {
  @Field(() => String, { description: "For people; 1–200 characters." })
  @Length(1, 200)
  readonly name!: string;

  @Field(() => String, { description: "The document; every byte counts, blanks too. At most 50,000 characters." })
  @Length(1, DOCUMENT_CHARS_MAX)
  readonly text!: string;
}

/** What `withdrawTrustedDocument` takes. */
@InputType({ description: "A document that is to be run no more." })
export class WithdrawTrustedDocumentInput extends RepeatableInput {
  @Field(() => String, { description: "SHA-256 of its text in hexadecimal." })
  @Matches(/^[0-9a-f]{64}$/)
  readonly sha256!: string;

  @Field(() => String, { description: "Why, for the audit record; 1–200 characters." })
  @Length(1, 200)
  readonly reason!: string;
}

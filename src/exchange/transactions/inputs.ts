import { IsInt, IsOptional } from "class-validator";
import { ArgsType, Field, ID, InputType, Int } from "type-graphql";
import { PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX } from "../../kernel/page.js";
import { TransactionKind } from "../../periods/entities.js";

/** Which transactions to list; every part given must hold. */
@InputType({ description: "Which transactions to list; every part given must hold." })
export class TransactionFilter {
  @Field(() => ID, { nullable: true, description: "Whose; a partner's own client may leave it out." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => ID, { nullable: true, description: "Posted into that period." })
  @IsOptional()
  readonly periodId?: string | null;

  @Field(() => TransactionKind, { nullable: true, description: "Of that kind." })
  @IsOptional()
  readonly kind?: TransactionKind | null;

  @Field(() => String, { nullable: true, description: "With that id of the partner's." })
  @IsOptional()
  readonly externalId?: string | null;

  @Field(() => Date, { nullable: true, description: "Happened at that instant or later." })
  @IsOptional()
  readonly occurredFrom?: Date | null;

  @Field(() => Date, { nullable: true, description: "Happened before that instant." })
  @IsOptional()
  readonly occurredBefore?: Date | null;
}

/** A page of transactions. */
@ArgsType()
export class TransactionsArgs {
  @Field(() => TransactionFilter, { nullable: true, description: "Which to list." })
  @IsOptional()
  readonly filter?: TransactionFilter | null;

  @Field(() => Int, { defaultValue: PAGE_ROWS_DEFAULT, description: `Rows of the page, 1 to ${PAGE_ROWS_MAX}.` })
  @IsInt()
  readonly first!: number;

  @Field(() => String, { nullable: true, description: "Cursor to start behind." })
  @IsOptional()
  readonly after?: string | null;
}

import { IsOptional } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { TransactionKind } from "../../periods/entities.js";
import { PageArgs } from "../../platform/arguments.js";

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
export class TransactionsArgs extends PageArgs {
  @Field(() => TransactionFilter, { nullable: true, description: "Which to list." })
  @IsOptional()
  readonly filter?: TransactionFilter | null;
}

import { Arg, Authorized, Ctx, Field, Mutation, ObjectType, Resolver } from "type-graphql";
import type { Context } from "../../platform/graphql.js";
import { Statement } from "../entities.js";
import { ApproveStatementInput, ReleaseStatementInput } from "./inputs.js";
import { approveStatement, releaseStatement } from "./service.js";

/** The answer to every mutation of a statement. */
@ObjectType({ description: "The statement as it stands now." })
export class StatementPayload {
  @Field(() => Statement, { description: "The statement." })
  readonly statement!: Statement;
}

/** Statements: approve, release. */
@Resolver()
export class ReviewResolver {
  @Authorized("settlements:manage")
  @Mutation(() => StatementPayload, {
    description: "Approve a statement that is not disputed. Where nothing is payable it is carried forward at once.",
  })
  async approveStatement(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ApproveStatementInput, { description: "The statement." })
    { statementId, idempotencyKey }: ApproveStatementInput,
  ): Promise<StatementPayload> {
    return { statement: await approveStatement(app, actor, statementId, idempotencyKey) };
  }

  @Authorized("payouts:manage")
  @Mutation(() => StatementPayload, {
    description: "Release the money of a statement that somebody else approved: from then on it may be paid.",
  })
  async releaseStatement(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ReleaseStatementInput, { description: "The statement." })
    { statementId, idempotencyKey }: ReleaseStatementInput,
  ): Promise<StatementPayload> {
    return { statement: await releaseStatement(app, actor, statementId, idempotencyKey) };
  }
}

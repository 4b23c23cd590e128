import { Arg, Authorized, Ctx, Field, ObjectType, Query, Resolver } from "type-graphql";
import { ErrorCode } from "../../kernel/errors.js";
import type { Context } from "../../platform/graphql.js";
import { SignatureTestCheck, SignatureTestOutcome } from "./entities.js";
import { type CheckResult, type Trial, testSignature } from "./service.js";

/** One check of a signed batch. */
@ObjectType({ description: "One check of a signed batch, and how it came out." })
export class SignatureTestResult implements CheckResult {
  @Field(() => SignatureTestCheck, { description: "What was looked at." })
  readonly check!: SignatureTestCheck;

  @Field(() => SignatureTestOutcome, { description: "How it came out." })
  readonly outcome!: SignatureTestOutcome;

  @Field(() => ErrorCode, { nullable: true, description: "With what `submitBatch` would refuse it; null otherwise." })
  readonly code!: ErrorCode | null;

  @Field(() => String, { nullable: true, description: "Why it failed, in a sentence; null otherwise." })
  readonly reason!: string | null;
}

/** What a trial of a signed batch came to. */
@ObjectType({ description: "What a trial of a signed batch came to. Nothing was accepted, and nothing remembered." })
export class SignatureTest implements Trial {
  @Field(() => Boolean, { description: "Whether every check passed." })
  readonly passes!: boolean;

  @Field(() => [SignatureTestResult], { description: "Every check, in the order in which submitting meets it." })
  readonly checks!: readonly SignatureTestResult[];
}

/** Trials of signed batches. */
@Resolver()
export class SignatureTestResolver {
  @Authorized("batches:submit")
  @Query(() => SignatureTest, { description: "Which checks a signed batch passes, and why not; nothing is accepted." })
  async testSignature(
    @Ctx() { app, actor }: Context,
    @Arg("jws", () => String, { description: "A compact JWS, as `submitBatch` takes it, of at most 256 kB." })
    jws: string,
  ): Promise<SignatureTest> {
    return testSignature(app, actor, jws);
  }
}

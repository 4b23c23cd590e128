import { Arg, Authorized, Ctx, Mutation, Resolver } from "type-graphql";
import type { Context } from "../../platform/graphql.js";
import { DisputePayload } from "../disputes/entities.js";
import { AnswerDisputeInput, ApproveDisputeAnswerInput } from "./inputs.js";
import { answerDispute, approveDisputeAnswer } from "./service.js";

/** Disputes: answer them. */
@Resolver()
export class AnswerResolver {
  @Authorized("settlements:manage")
  @Mutation(() => DisputePayload, {
    description: "Answer a dispute. Where money moves the answer waits for a second person; until then it may change.",
  })
  async answerDispute(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => AnswerDisputeInput, { description: "The dispute, the outcome and why." })
    { idempotencyKey, amount = null, ...answer }: AnswerDisputeInput,
  ): Promise<DisputePayload> {
    return { dispute: await answerDispute(app, actor, { ...answer, amount }, idempotencyKey) };
  }

  @Authorized("settlements:manage")
  @Mutation(() => DisputePayload, {
    description: "Let an answer that somebody else gave stand: its adjustment comes onto a later statement.",
  })
  async approveDisputeAnswer(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ApproveDisputeAnswerInput, { description: "The dispute, and the amount as it was read." })
    { idempotencyKey, ...approval }: ApproveDisputeAnswerInput,
  ): Promise<DisputePayload> {
    return { dispute: await approveDisputeAnswer(app, actor, approval, idempotencyKey) };
  }
}

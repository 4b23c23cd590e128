import { type CodedError, ErrorCode } from "../../kernel/errors.js";

/**
 * Whether a refusal says that terms cannot settle a period as it stands: a missing rate, which may never come, and
 * whatever would be refused again. What may merely be tried again says nothing about the terms.
 */
export function saysCannotSettle({ code, retryable }: Pick<CodedError, "code" | "retryable">): boolean {
  return code === ErrorCode.RATE_MISSING || !retryable;
}

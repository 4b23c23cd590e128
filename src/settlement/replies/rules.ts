import type { Statement } from "../entities.js";

/** Why a statement can no longer be disputed at an instant; null where it can. */
export function disputeFault(
  { acknowledgedAt, disputableUntil }: Pick<Statement, "acknowledgedAt" | "disputableUntil">,
  now: Date,
): string | null {
  if (acknowledgedAt !== null) return "The statement was acknowledged.";
  return now >= disputableUntil ? `The statement could be disputed until ${disputableUntil.toISOString()}.` : null;
}

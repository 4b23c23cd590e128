/** A broken assumption of ours: a bug, never a caller's mistake. */
export class AssertionFailed extends Error {
  override readonly name = "AssertionFailed";
}

/** Throws `AssertionFailed` when the condition does not hold; for what can only be false through a bug. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailed(message);
}

/** The value, which must be there; a missing one is a bug and throws `AssertionFailed` naming it. */
export function present<T>(value: T | null | undefined, name: string): T {
  assert(value !== null && value !== undefined, `${name} is missing`);
  return value;
}

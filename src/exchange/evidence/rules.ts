/** What the stored evidence gives, and what the tables say instead. */
export interface Mismatch {
  readonly subject: string;
  readonly expected: string;
  readonly found: string;
}

/** That two texts differ; null where they do not. */
export function mismatch(subject: string, expected: string, found: string): Mismatch | null {
  return expected === found ? null : { subject, expected, found };
}

/** Bytes in hexadecimal; `none` where there are none. */
export function hexOf(bytes: Buffer | null): string {
  return bytes?.toString("hex") ?? "none";
}

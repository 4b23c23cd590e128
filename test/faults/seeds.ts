/** The seeds of a run: those that QUITTANCE_SEEDS names, such as `3` or `1,2,3`, else the ones given. */
export function seedsOf(usual: readonly number[]): readonly number[] {
  const named = process.env["QUITTANCE_SEEDS"] ?? "";
  return named === "" ? usual : named.split(",").map(Number);
}

/** The statements of a text: one, or those that travel together (`src/platform/together.ts`). */
export function statementsIn(text: string): string[] {
  return text.split(";\n").map((statement) => statement.trimStart());
}

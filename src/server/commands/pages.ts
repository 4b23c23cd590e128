import { cursorOf, PAGE_ROWS_MAX, type Page, type PageRequest } from "../../kernel/page.js";

/** Every page of a list, one after the other. */
export async function everyRow<T>(
  list: string,
  pageOf: (request: PageRequest) => Promise<Page<T>>,
): Promise<readonly T[]> {
  const rows: T[] = [];
  for (let after: string | null = null; ; ) {
    const page = await pageOf({ first: PAGE_ROWS_MAX, after });
    rows.push(...page.rows);
    const last = page.rows.at(-1);
    if (!page.hasNextPage || last === undefined) return rows;
    after = cursorOf(list, page.positionOf(last));
  }
}

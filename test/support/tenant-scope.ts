import type { DataSource, Logger } from "typeorm";
import { statementsIn } from "./statements.js";

/** What a function that serves all tenants writes into its SQL, since it names none. */
export const ALL_TENANTS = "/* all tenants */";

/** A log of every statement that an App runs. */
export interface SqlRecorder {
  /** Goes to `testApp` as `sqlLogger`. */
  readonly logger: Logger;
  /** The statements so far, each once. */
  statements(): string[];
}

/** Starts a log. */
export function recordSql(): SqlRecorder {
  const statements = new Set<string>();
  const ignore = () => undefined;
  return {
    logger: {
      logQuery: (text) => {
        for (const statement of statementsIn(text)) statements.add(statement);
      },
      logQueryError: ignore,
      logQuerySlow: ignore,
      logSchemaBuild: ignore,
      logMigration: ignore,
      log: ignore,
    },
    statements: () => [...statements],
  };
}

/** The tables whose rows belong to a tenant, from what the entities say. */
export function tenantTables(database: DataSource): ReadonlySet<string> {
  const owned = database.entityMetadatas.filter(({ columns }) =>
    columns.some(({ databaseName }) => TENANT_COLUMN.test(databaseName)),
  );
  return new Set(owned.map(({ tableName }) => tableName));
}

/**
 * The statements that reach a tenant's table without saying which tenant's. Each table that is read or written must be
 * tied to one in a condition (or by the columns of an insert); to select or sort by a tenant's column is not enough.
 */
export function unscopedStatements(statements: readonly string[], tables: ReadonlySet<string>): string[] {
  return statements.filter((statement) => {
    if (statement.includes(ALL_TENANTS)) return false;
    const text = bare(statement);
    const reached = [...text.matchAll(REACHED)].filter(([, table]) => tables.has(table ?? "")).length;
    return reached > (text.match(TIED) ?? []).length;
  });
}

const TENANT_COLUMN = /^tenant_(id|no)$/;
const REACHED = /\b(?:from|join|into|update) (\w+)/g;
const TIED = /\btenant_(?:id|no)\b/g;

/** A statement without quotes, literals, selected columns and order: what is left of it reaches and ties. */
function bare(statement: string): string {
  return statement
    .toLowerCase()
    .replaceAll("`", "")
    .replace(/'[^']*'/g, "''")
    .replace(/\s+/g, " ")
    .replace(/\bselect (?:(?!\bselect\b).)*? from\b/g, "select from")
    .replace(/\b(?:order|group) by (?:(?! limit\b| having\b|\)).)*/g, "")
    .replace(/\bset (?:(?! where\b).)*/g, "");
}

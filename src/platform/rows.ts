import type { EntityManager, EntityMetadata, EntityTarget, ObjectLiteral } from "typeorm";

const selections = new WeakMap<EntityMetadata, string>();

/**
 * The entities that a condition in plain SQL finds. For hot paths, where TypeORM takes longer to build a query than the
 * database to answer it. The condition names the tenant, as everywhere.
 */
export async function rowsOf<T extends ObjectLiteral>(
  reader: Pick<EntityManager, "query" | "dataSource">,
  entity: EntityTarget<T>,
  condition: string,
  values: readonly unknown[],
): Promise<T[]> {
  const { driver } = reader.dataSource;
  const metadata = reader.dataSource.getMetadata(entity);
  const rows: ObjectLiteral[] = await reader.query(`${selectionOf(metadata)} where ${condition}`, [...values]);
  return rows.map((row) => {
    const found: ObjectLiteral = metadata.create();
    for (const column of metadata.columns) {
      found[column.propertyName] = driver.prepareHydratedValue(row[column.databaseName], column);
    }
    return found as T;
  });
}

/** The one entity that such a condition finds, null where there is none. */
export async function rowOf<T extends ObjectLiteral>(
  reader: Pick<EntityManager, "query" | "dataSource">,
  entity: EntityTarget<T>,
  condition: string,
  values: readonly unknown[],
): Promise<T | null> {
  const [found = null] = await rowsOf(reader, entity, `${condition} limit 1`, values);
  return found;
}

function selectionOf(metadata: EntityMetadata): string {
  const known = selections.get(metadata);
  if (known !== undefined) return known;
  const columns = metadata.columns.map(({ databaseName }) => databaseName).join(", ");
  const selection = `select ${columns} from ${metadata.tableName}`;
  selections.set(metadata, selection);
  return selection;
}

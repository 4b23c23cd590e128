import type { EntityManager, EntityMetadata, EntityTarget, ObjectLiteral } from "typeorm";

const selections = new WeakMap<EntityMetadata, string>();

/**
 * The entity that a condition in plain SQL finds, null where there is none. For hot paths, where TypeORM takes longer
 * to build a query than the database to answer it. The condition names the tenant, as everywhere.
 */
export async function rowOf<T extends ObjectLiteral>(
  reader: Pick<EntityManager, "query" | "dataSource">,
  entity: EntityTarget<T>,
  condition: string,
  values: readonly unknown[],
): Promise<T | null> {
  const { dataSource } = reader;
  const metadata = dataSource.getMetadata(entity);
  const [row] = await reader.query(`${selectionOf(metadata)} where ${condition} limit 1`, [...values]);
  if (row === undefined) return null;
  const found: ObjectLiteral = metadata.create();
  for (const column of metadata.columns) {
    const { databaseName, propertyName } = column;
    found[propertyName] = dataSource.driver.prepareHydratedValue(row[databaseName], column);
  }
  return found as T;
}

function selectionOf(metadata: EntityMetadata): string {
  const known = selections.get(metadata);
  if (known !== undefined) return known;
  const columns = metadata.columns.map(({ databaseName }) => databaseName).join(", ");
  const selection = `select ${columns} from ${metadata.tableName}`;
  selections.set(metadata, selection);
  return selection;
}

import { readFileSync, writeFileSync } from "node:fs";
import type { DataSource } from "typeorm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrations } from "../migrations/index.js";
import { openDatabase } from "../src/platform/database.js";
import { createDatabase } from "../src/platform/embedded/connect.js";
import { migrate, pendingMigrations } from "../src/platform/migrate.js";
import { databaseSchema } from "../src/server/database.js";
import { testConfig } from "./support/app.js";

const config = await testConfig();
const database = await openEmpty("empty");
let names: string[];

beforeAll(async () => {
  names = await migrate(database);
});
afterAll(async () => {
  await database.dropDatabase();
  await database.destroy();
});

test("an empty database becomes the latest in one go, and again changes nothing", async () => {
  expect(names).toEqual(migrations.map((migration) => migration.name));
  expect(names.length).toBeGreaterThan(5);
  expect(await migrate(database)).toEqual([]);
  expect(await pendingMigrations(database)).toEqual([]);
});

test("several processes that migrate at once run each migration once", async () => {
  const racers = [await openEmpty("race"), await openEmpty("race"), await openEmpty("race")];
  try {
    const ran = await Promise.all(racers.map(migrate));
    expect(ran.map((each) => each.length).sort((a, b) => a - b)).toEqual([0, 0, names.length]);
  } finally {
    await Promise.all(racers.map((racer) => racer.destroy()));
  }
});

test("the tables are what the entities say, as far as TypeORM can see", async () => {
  const { upQueries } = await database.driver.createSchemaBuilder().log();
  expect(upQueries.map(({ query }) => query)).toEqual([]);
});

test("schema/tables.sql is how the tables are; UPDATE_SNAPSHOTS=1 writes it", async () => {
  const text = await tablesText();
  const file = new URL("../schema/tables.sql", import.meta.url);
  if (process.env["UPDATE_SNAPSHOTS"] === "1") writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, "utf8"));
});

/** Opens a database of this run's own; the first time it holds nothing yet. */
async function openEmpty(name: string): Promise<DataSource> {
  const url = new URL(config.databaseUrl);
  url.pathname = `/quittance_${name}_${process.pid}`;
  await createDatabase(url.href);
  return openDatabase({ ...config, databaseUrl: url.href }, databaseSchema);
}

async function tablesText(): Promise<string> {
  const tables: { name: string }[] = await database.query(
    "select table_name as name from information_schema.tables where table_schema = database() order by table_name",
  );
  const statements: string[] = [];
  for (const { name } of tables) {
    const [row] = await database.query(`show create table \`${name}\``);
    statements.push(`${String(row["Create Table"]).replace(/ AUTO_INCREMENT=\d+/, "")};\n`);
  }
  return statements.join("\n");
}

import type { MigrationInterface, QueryRunner } from "typeorm";

/** A replayed statement says where what it was drawn for cannot be told. */
export class UncoveredDrawdowns0000000000046 implements MigrationInterface {
  readonly name = "UncoveredDrawdowns0000000000046";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query("alter table simulated_statement add column is_uncovered boolean not null default false");
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

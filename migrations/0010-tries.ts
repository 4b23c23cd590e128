import type { MigrationInterface, QueryRunner } from "typeorm";

/** How often a batch was tried while it was suspect, so that one that kills its workers is parked. */
export class Tries0000000000010 implements MigrationInterface {
  readonly name = "Tries0000000000010";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query("alter table batch add column tries tinyint unsigned not null default 0 after ledger_version");
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

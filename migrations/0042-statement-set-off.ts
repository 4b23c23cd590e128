import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * A statement says what set-offs took of it, so that what a partner paid too much is told from what is left of it.
 * Set-offs of before name no statement, and what they met cannot be told any more: theirs say nothing.
 */
export class StatementSetOff0000000000042 implements MigrationInterface {
  readonly name = "StatementSetOff0000000000042";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query("alter table statement add column set_off_minor decimal(38,0) not null default 0");
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

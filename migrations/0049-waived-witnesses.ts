import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = ["alter table log_anchor add column waived_until datetime(3) null"];

/** Transparency: until when a log need not hear a witness before it is signed. */
export class WaivedWitnesses0000000000049 implements MigrationInterface {
  readonly name = "WaivedWitnesses0000000000049";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

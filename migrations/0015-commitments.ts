import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  "alter table settlement_period add column commitment varbinary(1704) null after cycle_ends_at",
  "alter table entry add index ix_entry_period (tenant_no, partner_no, period_no, no)",
];

/** A period commits to the batches that were posted into it: the frontier of their tree, and the way to its leaves. */
export class Commitments0000000000015 implements MigrationInterface {
  readonly name = "Commitments0000000000015";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  `alter table taken_id
    add column batch_no bigint unsigned not null default 0,
    add column reverses binary(16) null,
    add index ix_taken_id_batch (tenant_no, partner_no, batch_no)`,
];

/**
 * Ids that stay are told apart by the batch that left them, so that the act of its removal can be held against them,
 * and say what they rolled back. Those from before belong to batch 0 and say nothing.
 */
export class TakenIds0000000000041 implements MigrationInterface {
  readonly name = "TakenIds0000000000041";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

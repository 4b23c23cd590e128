import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  `alter table simulated_statement
    add index ix_simulated_statement_partner (tenant_id, simulation_id, partner_no, currency)`,
];

/** What a simulation came to, page by page of partners. */
export class SimulatedPartners0000000000037 implements MigrationInterface {
  readonly name = "SimulatedPartners0000000000037";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

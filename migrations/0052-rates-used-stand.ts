import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  `alter table exchange_rate
     add constraint ck_exchange_rate_used check (used_at is null or state = 'ACTIVE')`,
];

/**
 * Exchange rates: no statement stands on a rate that does not stand itself, whoever stores it. Releases before 0045 look
 * rates up without their state; what they would settle by one that waits is refused here, and nothing of it is stored.
 */
export class RatesUsedStand0000000000052 implements MigrationInterface {
  readonly name = "RatesUsedStand0000000000052";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

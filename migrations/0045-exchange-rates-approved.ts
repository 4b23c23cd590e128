import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  `alter table exchange_rate
    add column state enum ('PENDING_APPROVAL', 'ACTIVE', 'SUPERSEDED', 'REFUSED') not null default 'PENDING_APPROVAL'
      after rate,
    add column decided_by varchar(64) character set ascii collate ascii_bin null after entered_at,
    add column decided_at datetime(3) null after decided_by,
    add index ix_exchange_rate (tenant_id, base, quote, type, source, as_of),
    drop index uq_exchange_rate`,
  // What one person entered before this release stands: nobody else had to decide.
  "update exchange_rate set state = 'ACTIVE'",
];

/** Exchange rates take two people: exchange_rate has a state, and a row for each time that one was entered. */
export class ExchangeRatesApproved0000000000045 implements MigrationInterface {
  readonly name = "ExchangeRatesApproved0000000000045";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

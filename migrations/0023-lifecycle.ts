import type { MigrationInterface, QueryRunner } from "typeorm";

const STATES = `enum ('OPEN', 'CLOSED', 'CALCULATED', 'STATEMENT_ISSUED', 'DISPUTED', 'APPROVED', 'PAYABLE', 'PAID',
  'CARRIED_FORWARD', 'ABORTED') not null`;

const STATEMENTS = [
  `alter table settlement_period modify column state ${STATES} default 'OPEN'`,
  `alter table statement
    add column state ${STATES} default 'STATEMENT_ISSUED',
    add column disputable_until datetime(3) null,
    add column advances_at datetime(3) null,
    add column approved_by varchar(64) character set ascii collate ascii_bin null,
    add column acknowledged_at datetime(3) null,
    add index ix_statement_advances (advances_at)`,
  // As the contract says of statements whose terms do not: thirty days, then people unless nothing is payable.
  `update statement set disputable_until = issued_at + interval 30 day,
    advances_at = if(payable_minor = 0, issued_at + interval 30 day, null)`,
  "alter table statement modify column disputable_until datetime(3) not null",
];

/** The lifecycle after a period is closed: states of periods and of each statement, and how it is agreed on. */
export class Lifecycle0000000000023 implements MigrationInterface {
  readonly name = "Lifecycle0000000000023";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

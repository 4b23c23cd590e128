import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  `alter table settlement_period
    add column cycle_starts_at datetime(3) null after closed_at,
    add column cycle_ends_at datetime(3) null after cycle_starts_at`,
  "update settlement_period set cycle_starts_at = starts_at, cycle_ends_at = ends_at",
  `alter table settlement_period
    modify column cycle_starts_at datetime(3) not null,
    modify column cycle_ends_at datetime(3) not null`,
  `alter table configuration
    modify column state enum ('DRAFT', 'PENDING_APPROVAL', 'ACTIVE', 'SUPERSEDED') not null default 'DRAFT',
    add column mid_period enum ('NEXT_PERIOD', 'SPLIT') not null default 'NEXT_PERIOD' after effective_from,
    add column submitted_by varchar(64) character set ascii collate ascii_bin null after mid_period,
    add column submitted_at datetime(3) null after submitted_by`,
  "alter table statement add column payment_due_on date null after jws",
];

/** Cycles and versions: what a period is a part of, versions that wait for approval, when a statement is to be paid. */
export class CyclesAndVersions0000000000014 implements MigrationInterface {
  readonly name = "CyclesAndVersions0000000000014";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table account (
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    account varchar(32) character set ascii collate ascii_bin not null,
    currency varchar(32) character set ascii collate ascii_bin not null,
    balance_minor decimal(38,0) not null,
    version bigint unsigned not null,
    primary key (tenant_no, partner_no, account, currency)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table entry (
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    no bigint unsigned not null,
    kind enum ('POSTING', 'STATEMENT') not null,
    period_no int unsigned not null,
    batch_no bigint unsigned null,
    statement_id char(30) character set ascii collate ascii_bin null,
    recorded_at datetime(3) not null,
    primary key (tenant_no, partner_no, no),
    index ix_entry_batch (tenant_no, batch_no)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table entry_line (
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    entry_no bigint unsigned not null,
    account varchar(32) character set ascii collate ascii_bin not null,
    currency varchar(32) character set ascii collate ascii_bin not null,
    amount_minor decimal(38,0) not null,
    primary key (tenant_no, partner_no, entry_no, account, currency)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Ledger: account, entry, entry_line. */
export class Ledger0000000000007 implements MigrationInterface {
  readonly name = "Ledger0000000000007";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

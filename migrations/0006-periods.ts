import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table settlement_period (
    no int unsigned not null auto_increment,
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    id char(30) character set ascii collate ascii_bin not null,
    starts_at datetime(3) not null,
    ends_at datetime(3) not null,
    due_at datetime(3) not null,
    state enum ('OPEN', 'CLOSED', 'STATEMENT_ISSUED') not null default 'OPEN',
    configuration_id char(30) character set ascii collate ascii_bin not null,
    is_backfill tinyint not null default 0,
    closed_at datetime(3) null,
    primary key (no),
    unique index uq_settlement_period_id (tenant_no, id),
    unique index uq_settlement_period_start (tenant_no, partner_no, starts_at),
    index ix_settlement_period_due (state, due_at),
    index ix_settlement_period_open (tenant_no, partner_no, state, starts_at),
    constraint fk_settlement_period_partner foreign key (tenant_no, partner_no) references partner (tenant_no, no)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table posting_cursor (
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    epoch bigint unsigned not null default '0',
    entry_no bigint unsigned not null default '0',
    primary key (tenant_no, partner_no)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table activity_total (
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    period_no int unsigned not null,
    origin_period_no int unsigned not null,
    brand_no int unsigned not null,
    product_no int unsigned not null,
    kind varchar(32) character set ascii collate ascii_bin not null,
    category varchar(32) character set ascii collate ascii_bin not null,
    currency varchar(32) character set ascii collate ascii_bin not null,
    count bigint unsigned not null,
    units decimal(38,0) not null,
    sum_minor decimal(38,0) not null,
    primary key (tenant_no, partner_no, period_no, origin_period_no, brand_no, product_no, kind, category, currency)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Periods: settlement_period, posting_cursor, activity_total. */
export class Periods0000000000006 implements MigrationInterface {
  readonly name = "Periods0000000000006";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

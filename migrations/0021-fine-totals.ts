import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  `alter table settlement_period
    add column grain varchar(32) character set ascii collate ascii_bin not null default '' after cycle_ends_at`,
  `create table fine_total (
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    period_no int unsigned not null,
    player binary(16) not null,
    day varchar(32) character set ascii collate ascii_bin not null,
    origin_period_no int unsigned not null,
    brand_no int unsigned not null,
    product_no int unsigned not null,
    kind varchar(32) character set ascii collate ascii_bin not null,
    category varchar(32) character set ascii collate ascii_bin not null,
    currency varchar(32) character set ascii collate ascii_bin not null,
    count bigint unsigned not null,
    units decimal(38,0) not null,
    sum_minor decimal(38,0) not null,
    primary key (tenant_no, partner_no, period_no, player, day, origin_period_no, brand_no, product_no, kind, category,
      currency)
  )`,
];

/** Totals by player and by day, for the periods whose terms look at them. */
export class FineTotals0000000000021 implements MigrationInterface {
  readonly name = "FineTotals0000000000021";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

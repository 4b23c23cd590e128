import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table exchange_rate (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    base varchar(32) character set ascii collate ascii_bin not null,
    quote varchar(32) character set ascii collate ascii_bin not null,
    type enum ('TRANSACTION', 'DAILY_CLOSE', 'PERIOD_AVG', 'PERIOD_CLOSE') not null,
    source varchar(64) character set ascii collate ascii_bin not null,
    as_of datetime(3) not null,
    rate varchar(64) character set ascii collate ascii_bin not null,
    entered_by varchar(64) character set ascii collate ascii_bin not null,
    entered_at datetime(3) not null,
    used_at datetime(3) null,
    primary key (tenant_id, id),
    unique index uq_exchange_rate (tenant_id, base, quote, type, source, as_of),
    constraint fk_exchange_rate_tenant foreign key (tenant_id) references tenant (id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Exchange rates: exchange_rate. */
export class ExchangeRates0000000000017 implements MigrationInterface {
  readonly name = "ExchangeRates0000000000017";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table credit_terms (
    tenant_no int unsigned not null,
    configuration_id char(30) character set ascii collate ascii_bin not null,
    currency varchar(32) character set ascii collate ascii_bin not null,
    draw_at enum ('POSTING', 'SETTLEMENT') not null,
    when_exhausted enum ('BLOCK', 'CREDIT_LINE', 'POSTPAY_OVERAGE') not null,
    credit_limit_minor bigint not null,
    low_water varchar(32) character set ascii collate ascii_bin null,
    primary key (tenant_no, configuration_id, currency)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table credit_lot (
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    no int unsigned not null,
    id char(30) character set ascii collate ascii_bin not null,
    dedupe binary(16) not null,
    code varchar(64) character set ascii collate ascii_bin not null,
    currency varchar(32) character set ascii collate ascii_bin not null,
    priority smallint unsigned null,
    expires_at datetime(3) null,
    bought_at datetime(3) not null,
    face_minor bigint not null,
    cost_minor bigint not null,
    remaining_minor bigint not null,
    drawn_minor bigint not null,
    settled_minor bigint not null,
    expired_minor bigint not null,
    level_minor decimal(38,0) not null,
    period_no int unsigned not null,
    taken_back_period_no int unsigned null,
    last_drawn_entry_no bigint unsigned not null,
    is_open tinyint not null,
    primary key (tenant_no, partner_no, no),
    unique index uq_credit_lot_id (tenant_no, id),
    unique index uq_credit_lot_dedupe (dedupe),
    index ix_credit_lot_open (tenant_no, partner_no, is_open),
    index ix_credit_lot_expiry (expires_at, remaining_minor)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table credit_move (
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    entry_no bigint unsigned not null,
    lot_no int unsigned not null,
    kind enum ('BOUGHT', 'TAKEN_BACK', 'DRAWN', 'DRAWN_MET', 'MET', 'EXPIRED') not null,
    period_no int unsigned not null,
    amount_minor bigint not null,
    primary key (tenant_no, partner_no, entry_no, lot_no, kind),
    index ix_credit_move_period (tenant_no, partner_no, period_no, kind)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Prepaid credit: credit_terms, credit_lot, credit_move, and entries of credit that expired. */
export class Credit0000000000022 implements MigrationInterface {
  readonly name = "Credit0000000000022";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
    // Whatever kinds there are by now, and one more.
    const [{ kinds }] = await runner.query(
      `select column_type as kinds from information_schema.columns
       where table_schema = database() and table_name = 'entry' and column_name = 'kind'`,
    );
    const more = String(kinds).replace(/\)$/, ",'CREDIT_EXPIRY')");
    await runner.query(`alter table entry modify column kind ${more} not null`);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

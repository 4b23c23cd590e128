import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table batch (
    no bigint unsigned not null auto_increment,
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    issuer_no int unsigned not null,
    id char(30) character set ascii collate ascii_bin not null,
    jti varchar(64) character set ascii collate ascii_bin not null,
    kid varchar(128) character set ascii collate ascii_bin not null,
    client_id char(30) character set ascii collate ascii_bin not null,
    mode enum ('INDEPENDENT', 'ATOMIC') not null,
    state enum ('ACCEPTED', 'POSTED', 'PARKED') not null default 'ACCEPTED',
    item_count int unsigned not null,
    payload_bytes int unsigned not null,
    payload_sha256 binary(32) not null,
    leaf_hash binary(32) not null,
    platform_kid varchar(128) character set ascii collate ascii_bin not null,
    accepted_at datetime(3) not null,
    posted_at datetime(3) null,
    posted_count int unsigned null,
    duplicate_count int unsigned null,
    pending_count int unsigned null,
    refused_count int unsigned null,
    ledger_version bigint unsigned null,
    parked_reason varchar(500) null,
    primary key (no),
    unique index uq_batch_id (tenant_no, id),
    unique index uq_batch_jti (tenant_no, issuer_no, jti),
    index ix_batch_partner (tenant_no, partner_no),
    index ix_batch_queue (state, tenant_no, partner_no),
    constraint fk_batch_partner foreign key (tenant_no, partner_no) references partner (tenant_no, no)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table batch_content (
    tenant_no int unsigned not null,
    batch_no bigint unsigned not null,
    envelope mediumblob not null,
    outcomes mediumblob null,
    outcomes_sha256 binary(32) null,
    primary key (tenant_no, batch_no)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table transaction (
    no bigint unsigned not null auto_increment,
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    dedupe binary(16) not null,
    content_hash binary(16) not null,
    external_id varchar(64) character set ascii collate ascii_bin not null,
    kind enum ('BET', 'WIN', 'ROLLBACK', 'BONUS', 'BONUS_BET', 'BONUS_WIN', 'JACKPOT_CONTRIBUTION', 'JACKPOT_WIN', 'FEE',
      'CREDIT_PURCHASE', 'CREDIT_DRAWDOWN', 'ADJUSTMENT', 'CHARGEBACK', 'ACQUISITION') not null,
    state enum ('POSTED', 'PENDING_ORIGINAL', 'REFUSED') not null,
    brand_no int unsigned not null,
    product_no int unsigned not null,
    round varchar(64) character set ascii collate ascii_bin null,
    player binary(16) null,
    category varchar(32) character set ascii collate ascii_bin null,
    units bigint null,
    amount_minor bigint not null,
    currency varchar(32) character set ascii collate ascii_bin not null,
    occurred_at datetime(3) not null,
    reverses varchar(64) character set ascii collate ascii_bin null,
    period_no int unsigned not null,
    origin_period_no int unsigned not null,
    entry_no bigint unsigned not null,
    batch_no bigint unsigned not null,
    item smallint unsigned not null,
    primary key (no),
    unique index uq_transaction_dedupe (dedupe),
    index ix_transaction_period (tenant_no, partner_no, period_no)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table reversal (
    original binary(16) not null,
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    rollback binary(16) not null,
    primary key (original)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Exchange: batch, batch_content, transaction, reversal. */
export class Exchange0000000000008 implements MigrationInterface {
  readonly name = "Exchange0000000000008";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

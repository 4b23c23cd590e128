import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table tenant (
    no int unsigned not null auto_increment,
    id char(30) character set ascii collate ascii_bin not null,
    name varchar(200) collate utf8mb4_unicode_ci not null,
    player_key_sealed varbinary(128) not null,
    ledger_epoch int unsigned not null default '1',
    created_at datetime(3) not null,
    primary key (no),
    unique index uq_tenant_id (id)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table partner (
    no int unsigned not null auto_increment,
    tenant_id char(30) character set ascii collate ascii_bin not null,
    tenant_no int unsigned not null,
    id char(30) character set ascii collate ascii_bin not null,
    code varchar(64) character set ascii collate ascii_bin not null,
    name varchar(200) collate utf8mb4_unicode_ci not null,
    kind enum ('GAME_PROVIDER', 'AGGREGATOR', 'CREDIT_SUPPLIER', 'AFFILIATE') not null,
    timezone varchar(64) character set ascii collate ascii_bin not null,
    currency_list varchar(255) character set ascii collate ascii_bin not null,
    posting_partition tinyint unsigned not null,
    created_at datetime(3) not null,
    primary key (no),
    unique index uq_partner_code (tenant_id, code),
    unique index uq_partner_id (tenant_id, id),
    unique index uq_partner_no (tenant_no, no),
    constraint fk_partner_tenant foreign key (tenant_id) references tenant (id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table brand (
    no int unsigned not null auto_increment,
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    id char(30) character set ascii collate ascii_bin not null,
    code varchar(64) character set ascii collate ascii_bin not null,
    name varchar(200) collate utf8mb4_unicode_ci not null,
    primary key (no),
    unique index uq_brand_code (tenant_no, partner_no, code),
    unique index uq_brand_id (tenant_no, id),
    constraint fk_brand_partner foreign key (tenant_no, partner_no) references partner (tenant_no, no)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table product (
    no int unsigned not null auto_increment,
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    id char(30) character set ascii collate ascii_bin not null,
    code varchar(64) character set ascii collate ascii_bin not null,
    name varchar(200) collate utf8mb4_unicode_ci not null,
    category varchar(32) character set ascii collate ascii_bin not null default 'OTHER',
    primary key (no),
    unique index uq_product_code (tenant_no, partner_no, code),
    unique index uq_product_id (tenant_no, id),
    constraint fk_product_partner foreign key (tenant_no, partner_no) references partner (tenant_no, no)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Tenancy: tenant, partner, brand, product. */
export class Tenancy0000000000002 implements MigrationInterface {
  readonly name = "Tenancy0000000000002";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

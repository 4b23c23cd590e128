import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table configuration (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    partner_id char(30) character set ascii collate ascii_bin not null,
    version int unsigned not null,
    state enum ('DRAFT', 'ACTIVE', 'SUPERSEDED') not null default 'DRAFT',
    document mediumtext not null,
    document_sha256 binary(32) not null,
    drafted_by varchar(64) character set ascii collate ascii_bin not null,
    drafted_at datetime(3) not null,
    activated_by varchar(64) character set ascii collate ascii_bin null,
    activated_at datetime(3) null,
    effective_from datetime(3) null,
    primary key (tenant_id, id),
    unique index uq_configuration_version (tenant_id, partner_id, version),
    constraint fk_configuration_partner foreign key (tenant_id, partner_id) references partner (tenant_id, id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table statement (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    period_no int unsigned not null,
    currency varchar(32) character set ascii collate ascii_bin not null,
    starts_at datetime(3) not null,
    ends_at datetime(3) not null,
    issued_at datetime(3) not null,
    configuration_id char(30) character set ascii collate ascii_bin not null,
    base varchar(800) character set ascii collate ascii_bin not null,
    carry_in varchar(800) character set ascii collate ascii_bin not null,
    carry_out varchar(800) character set ascii collate ascii_bin not null,
    opening_minor decimal(38,0) not null,
    earned_minor decimal(38,0) not null,
    adjustments_minor decimal(38,0) not null,
    payable_minor decimal(38,0) not null,
    closing_minor decimal(38,0) not null,
    jws mediumtext not null,
    primary key (tenant_id, id),
    unique index uq_statement_period (tenant_no, period_no, currency),
    index ix_statement_chain (tenant_no, partner_no, currency, ends_at),
    constraint fk_statement_partner foreign key (tenant_no, partner_no) references partner (tenant_no, no)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Settlement: configuration, statement. */
export class Settlement0000000000009 implements MigrationInterface {
  readonly name = "Settlement0000000000009";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

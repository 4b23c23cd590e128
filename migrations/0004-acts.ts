import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table act (
    no bigint unsigned not null auto_increment,
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    type varchar(32) character set ascii collate ascii_bin not null,
    subject_id varchar(64) character set ascii collate ascii_bin not null,
    principal_kind varchar(32) character set ascii collate ascii_bin not null,
    principal_id varchar(64) character set ascii collate ascii_bin not null,
    request_id varchar(64) character set ascii collate ascii_bin not null,
    at datetime(3) not null,
    detail mediumtext not null,
    detail_sha256 binary(32) not null,
    origin mediumtext null,
    origin_sha256 binary(32) not null,
    leaf_hash binary(32) not null,
    tree_index bigint unsigned null,
    partner_sequence bigint unsigned null,
    primary key (no),
    unique index uq_act_partner (tenant_no, partner_no, partner_sequence),
    unique index uq_act_tree (tenant_no, tree_index),
    index ix_act_subject (tenant_no, subject_id),
    index ix_act_unnumbered (tree_index)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table act_sequence (
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    last_sequence bigint unsigned not null default '0',
    primary key (tenant_no, partner_no)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Acts: act, act_sequence. */
export class Acts0000000000004 implements MigrationInterface {
  readonly name = "Acts0000000000004";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

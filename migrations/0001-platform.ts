import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table idempotent_answer (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    principal_id varchar(64) character set ascii collate ascii_bin not null,
    idempotency_key varchar(128) character set ascii collate ascii_bin not null,
    input_sha256 binary(32) not null,
    answer mediumtext not null,
    created_at datetime(3) not null,
    primary key (tenant_id, principal_id, idempotency_key),
    index ix_idempotent_answer_age (created_at)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table lease (
    name varchar(32) character set ascii collate ascii_bin not null,
    holder varchar(64) character set ascii collate ascii_bin not null,
    token bigint unsigned not null,
    expires_at datetime(3) not null,
    primary key (name)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Platform: idempotent_answer, lease. */
export class Platform0000000000001 implements MigrationInterface {
  readonly name = "Platform0000000000001";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table log_tree (
    tenant_no int unsigned not null,
    size bigint unsigned not null default '0',
    root binary(32) not null,
    primary key (tenant_no)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table log_tile (
    tenant_no int unsigned not null,
    level tinyint unsigned not null,
    tile_index bigint unsigned not null,
    hashes varbinary(8192) not null,
    primary key (tenant_no, level, tile_index)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table log_checkpoint (
    tenant_no int unsigned not null,
    size bigint unsigned not null,
    root binary(32) not null,
    note mediumtext not null,
    signed_at datetime(3) not null,
    primary key (tenant_no, size)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Transparency: log_tree, log_tile, log_checkpoint. */
export class Transparency0000000000005 implements MigrationInterface {
  readonly name = "Transparency0000000000005";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  `create table data_key (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    master_key varchar(64) character set ascii collate ascii_bin not null,
    sealed varbinary(1024) not null,
    wrapped_at datetime(3) not null,
    primary key (tenant_id),
    constraint fk_data_key_tenant foreign key (tenant_id) references tenant (id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `alter table platform_key
    add column signs_from datetime(3) null after created_at,
    add column compromised_at datetime(3) null`,
  "update platform_key set signs_from = created_at",
];

/** Data keys, under which tenants' secrets lie; when a platform key begins to sign, and that it is compromised. */
export class DataKeys0000000000026 implements MigrationInterface {
  readonly name = "DataKeys0000000000026";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table client_policy (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    client_id char(30) character set ascii collate ascii_bin not null,
    rate_points int unsigned null,
    trusted_documents_only tinyint(1) not null default 0,
    changed_at datetime(3) not null,
    primary key (tenant_id, client_id),
    constraint fk_client_policy_client foreign key (tenant_id, client_id) references client (tenant_id, id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table trusted_document (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    hash binary(32) not null,
    name varchar(200) collate utf8mb4_unicode_ci not null,
    text mediumtext not null,
    registered_by varchar(64) character set ascii collate ascii_bin not null,
    registered_at datetime(3) not null,
    withdrawn_at datetime(3) null,
    primary key (tenant_id, hash),
    constraint fk_trusted_document_tenant foreign key (tenant_id) references tenant (id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** What each client may ask, where that is not the usual, and the documents that tenants trust. */
export class ClientPolicies0000000000031 implements MigrationInterface {
  readonly name = "ClientPolicies0000000000031";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

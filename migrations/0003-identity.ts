import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table client (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    partner_id char(30) character set ascii collate ascii_bin null,
    kind enum ('PARTNER', 'TENANT', 'OPERATOR') not null,
    name varchar(200) collate utf8mb4_unicode_ci not null,
    scope_list varchar(500) character set ascii collate ascii_bin not null,
    created_at datetime(3) not null,
    primary key (tenant_id, id),
    unique index uq_client_id (id),
    constraint fk_client_partner foreign key (tenant_id, partner_id) references partner (tenant_id, id)
      on delete no action on update no action,
    constraint fk_client_tenant foreign key (tenant_id) references tenant (id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table client_key (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    client_id char(30) character set ascii collate ascii_bin not null,
    partner_id char(30) character set ascii collate ascii_bin null,
    kid varchar(128) character set ascii collate ascii_bin not null,
    alg varchar(32) character set ascii collate ascii_bin not null,
    public_jwk mediumtext not null,
    thumbprint binary(32) not null,
    state enum ('ACTIVE', 'REVOKED') not null default 'ACTIVE',
    created_at datetime(3) not null,
    revoked_at datetime(3) null,
    primary key (tenant_id, id),
    unique index uq_client_key_kid (tenant_id, kid),
    unique index uq_client_key_thumbprint (thumbprint),
    constraint fk_client_key_client foreign key (tenant_id, client_id) references client (tenant_id, id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table platform_key (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    kid varchar(128) character set ascii collate ascii_bin not null,
    public_jwk mediumtext not null,
    private_jwk_sealed varbinary(512) not null,
    created_at datetime(3) not null,
    retired_at datetime(3) null,
    primary key (tenant_id, id),
    unique index uq_platform_key_kid (kid),
    constraint fk_platform_key_tenant foreign key (tenant_id) references tenant (id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table seen_assertion (
    client_id char(30) character set ascii collate ascii_bin not null,
    jti_hash binary(16) not null,
    tenant_id char(30) character set ascii collate ascii_bin not null,
    expires_at datetime(3) not null,
    primary key (client_id, jti_hash),
    index ix_seen_assertion_expiry (expires_at)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Identity: client, client_key, platform_key, seen_assertion. */
export class Identity0000000000003 implements MigrationInterface {
  readonly name = "Identity0000000000003";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

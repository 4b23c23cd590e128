import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLE = `create table sign_in_provider (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    issuer varchar(255) character set ascii collate ascii_bin not null,
    client_id varchar(255) character set ascii collate ascii_bin not null,
    client_secret_sealed varbinary(1024) not null,
    name varchar(200) collate utf8mb4_unicode_ci not null,
    serves_all_tenants tinyint(1) not null,
    allows_passwords tinyint(1) not null,
    set_by varchar(64) character set ascii collate ascii_bin not null,
    set_at datetime(3) not null,
    primary key (tenant_id),
    constraint fk_sign_in_provider_tenant foreign key (tenant_id) references tenant (id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`;

/** OpenID providers: where the people of a tenant, or of the installation, sign in. */
export class SignInProviders0000000000029 implements MigrationInterface {
  readonly name = "SignInProviders0000000000029";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLE);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

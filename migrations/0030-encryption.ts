import type { MigrationInterface, QueryRunner } from "typeorm";

const CHANGES = [
  "alter table platform_key modify column private_jwk_sealed varbinary(4096) not null",
  `create table encryption_demand (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    partner_id char(30) character set ascii collate ascii_bin not null,
    is_in_force tinyint(1) not null,
    changed_at datetime(3) not null,
    primary key (tenant_id, partner_id),
    constraint fk_encryption_demand_partner foreign key (tenant_id, partner_id) references partner (tenant_id, id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `alter table batch
    add column encryption_kid varchar(128) character set ascii collate ascii_bin null,
    add column encrypted_sha256 binary(32) null`,
];

/** Encryption: room for RSA keys that partners encrypt for, who must, and how a batch came encrypted. */
export class Encryption0000000000030 implements MigrationInterface {
  readonly name = "Encryption0000000000030";

  async up(runner: QueryRunner): Promise<void> {
    for (const change of CHANGES) await runner.query(change);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  `create table log_key (
    tenant_no int unsigned not null,
    generation int unsigned not null,
    name varchar(128) character set ascii collate ascii_bin not null,
    kid varchar(128) character set ascii collate ascii_bin not null,
    public_jwk mediumtext not null,
    private_jwk_sealed varbinary(512) not null,
    created_at datetime(3) not null,
    primary key (tenant_no, generation)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table log_cosignature (
    tenant_no int unsigned not null,
    size bigint unsigned not null,
    witness varchar(128) character set ascii collate ascii_bin not null,
    line mediumtext not null,
    cosigned_at datetime(3) not null,
    primary key (tenant_no, size, witness)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table log_anchor (
    tenant_no int unsigned not null,
    name varchar(128) character set ascii collate ascii_bin not null,
    size bigint unsigned not null,
    held_at datetime(3) null,
    fault varchar(32) character set ascii collate ascii_bin null,
    primary key (tenant_no, name)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  "alter table log_checkpoint add column generation int unsigned not null default '1'",
  // A log that has signed before goes on under the key that it signed with, so that what its readers pinned holds.
  `insert into log_key (tenant_no, generation, name, kid, public_jwk, private_jwk_sealed, created_at)
   select tenant.no, 1, concat('quittance/', tenant.id), signing.kid, signing.public_jwk, signing.private_jwk_sealed,
     signing.created_at
   from tenant
   join platform_key as signing on signing.tenant_id = tenant.id and signing.id = (
     select max(id) from platform_key where platform_key.tenant_id = tenant.id and platform_key.purpose = 'SIGNING')
   where exists (select 1 from log_checkpoint where log_checkpoint.tenant_no = tenant.no)`,
];

/** Transparency: a key of the log's own, cosignatures of witnesses, and what is held outside. */
export class CheckpointsKeptElsewhere0000000000034 implements MigrationInterface {
  readonly name = "CheckpointsKeptElsewhere0000000000034";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

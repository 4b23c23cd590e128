import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table user (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    email varchar(254) character set ascii collate ascii_bin not null,
    name varchar(200) collate utf8mb4_unicode_ci not null,
    role_list varchar(200) character set ascii collate ascii_bin not null,
    state enum ('INVITED', 'ACTIVE', 'DISABLED') not null default 'INVITED',
    password_hash varchar(200) character set ascii collate ascii_bin null,
    failures int unsigned not null default 0,
    locked_until datetime(3) null,
    invited_at datetime(3) null,
    invitation_ends_at datetime(3) null,
    issuer varchar(255) character set ascii collate ascii_bin null,
    subject varchar(255) character set ascii collate ascii_bin null,
    created_by varchar(64) character set ascii collate ascii_bin not null,
    created_at datetime(3) not null,
    signed_in_at datetime(3) null,
    primary key (tenant_id, id),
    unique index uq_user_email (tenant_id, email),
    unique index uq_user_subject (tenant_id, issuer, subject),
    constraint fk_user_tenant foreign key (tenant_id) references tenant (id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table user_session (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    user_id char(30) character set ascii collate ascii_bin not null,
    secret_hash binary(32) not null,
    method enum ('PASSWORD', 'PROVIDER') not null,
    address varchar(64) character set ascii collate ascii_bin null,
    agent varchar(200) character set ascii collate ascii_bin not null,
    started_at datetime(3) not null,
    used_at datetime(3) not null,
    ends_at datetime(3) not null,
    ended_at datetime(3) null,
    primary key (tenant_id, id),
    unique index uq_user_session_secret (secret_hash),
    index ix_user_session_user (tenant_id, user_id, ended_at),
    constraint fk_user_session_user foreign key (tenant_id, user_id) references user (tenant_id, id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** People: users with their roles and credentials, and the sessions that they signed in to. */
export class People0000000000028 implements MigrationInterface {
  readonly name = "People0000000000028";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

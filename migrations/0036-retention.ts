import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  "alter table batch add column jti_hash binary(16) null after jti",
  `update batch set jti_hash = unhex(left(sha2(concat(tenant_no, ':', issuer_no, ':', jti), 256), 32))`,
  `alter table batch
    modify column jti varchar(64) character set ascii collate ascii_bin null,
    modify column jti_hash binary(16) not null,
    add column removed_at datetime(3) null,
    add column taken_count int unsigned null,
    drop index uq_batch_jti,
    add unique index uq_batch_jti (tenant_no, issuer_no, jti_hash),
    add index ix_batch_kept (tenant_no, partner_no, removed_at)`,
  `create table taken_id (
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    dedupe binary(16) not null,
    content_hash binary(16) not null,
    primary key (tenant_no, partner_no, dedupe)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  "alter table settlement_period add column removed_batches int unsigned not null default 0",
  "alter table tenant add column player_key_since datetime(3) null after player_key_sealed",
  `create table retention_change (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    kind enum ('RETENTION', 'PLAYER_KEY') not null,
    state enum ('PENDING_APPROVAL', 'ACTIVE', 'SUPERSEDED', 'REFUSED') not null default 'PENDING_APPROVAL',
    item_days int unsigned null,
    origin_days int unsigned null,
    reason varchar(500) not null,
    proposed_by varchar(64) character set ascii collate ascii_bin not null,
    proposed_at datetime(3) not null,
    decided_by varchar(64) character set ascii collate ascii_bin null,
    decided_at datetime(3) null,
    primary key (tenant_id, id),
    index ix_retention_change_state (tenant_id, kind, state),
    constraint fk_retention_change_tenant foreign key (tenant_id) references tenant (id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** What was settled and paid long ago may leave: ids stay as hashes, and a tenant says after how many days. */
export class Retention0000000000036 implements MigrationInterface {
  readonly name = "Retention0000000000036";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

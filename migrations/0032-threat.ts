import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table threat_rules (
    tenant_no int unsigned not null,
    id char(30) character set ascii collate ascii_bin not null,
    version int unsigned not null,
    state enum ('DRAFT', 'ACTIVE', 'SUPERSEDED') not null default 'DRAFT',
    document mediumtext not null,
    document_sha256 binary(32) not null,
    drafted_by varchar(64) character set ascii collate ascii_bin not null,
    drafted_at datetime(3) not null,
    activated_by varchar(64) character set ascii collate ascii_bin null,
    activated_at datetime(3) null,
    primary key (tenant_no, id),
    unique index uq_threat_rules_version (tenant_no, version),
    index ix_threat_rules_state (state, tenant_no),
    constraint fk_threat_rules_tenant foreign key (tenant_no) references tenant (no)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table threat_assessment (
    tenant_no int unsigned not null,
    id char(30) character set ascii collate ascii_bin not null,
    partner_no int unsigned not null,
    subject enum ('BATCH', 'CLIENT', 'PARTNER') not null,
    subject_id char(30) character set ascii collate ascii_bin not null,
    client_id char(30) character set ascii collate ascii_bin null,
    verdict enum ('PASS', 'REVIEW', 'QUARANTINE') not null,
    score int unsigned not null,
    review_at int unsigned not null,
    quarantine_at int unsigned not null,
    rules_id char(30) character set ascii collate ascii_bin null,
    contributions mediumtext not null,
    assessed_at datetime(3) not null,
    judgement enum ('CONFIRMED', 'DISMISSED') null,
    judged_by varchar(64) character set ascii collate ascii_bin null,
    judged_at datetime(3) null,
    judgement_reason varchar(500) null,
    primary key (tenant_no, id),
    index ix_threat_assessment_subject (tenant_no, subject_id),
    index ix_threat_assessment_partner (tenant_no, partner_no, id),
    constraint fk_threat_assessment_tenant foreign key (tenant_no) references tenant (no)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table threat_block (
    tenant_no int unsigned not null,
    id char(30) character set ascii collate ascii_bin not null,
    subject enum ('BATCH', 'CLIENT', 'PARTNER') not null,
    subject_id char(30) character set ascii collate ascii_bin not null,
    partner_no int unsigned not null,
    assessment_id char(30) character set ascii collate ascii_bin null,
    reason varchar(500) not null,
    blocked_by varchar(64) character set ascii collate ascii_bin not null,
    blocked_at datetime(3) not null,
    expires_at datetime(3) null,
    lifted_by varchar(64) character set ascii collate ascii_bin null,
    lifted_at datetime(3) null,
    lift_reason varchar(500) null,
    standing tinyint unsigned null,
    primary key (tenant_no, id),
    unique index uq_threat_block_standing (tenant_no, subject_id, standing),
    index ix_threat_block_standing (standing, expires_at),
    constraint fk_threat_block_tenant foreign key (tenant_no) references tenant (no)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table threat_threshold (
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    subject enum ('BATCH', 'CLIENT', 'PARTNER') not null,
    percent int unsigned not null,
    primary key (tenant_no, partner_no, subject),
    constraint fk_threat_threshold_tenant foreign key (tenant_no) references tenant (no)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table threat_profile (
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    taken_at datetime(3) not null,
    profile mediumtext not null,
    primary key (tenant_no, partner_no),
    constraint fk_threat_profile_partner foreign key (tenant_no, partner_no) references partner (tenant_no, no)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Threat detection: rules, assessments, blocks, moved thresholds, and what is usual for partners. */
export class Threat0000000000032 implements MigrationInterface {
  readonly name = "Threat0000000000032";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  `alter table client_key
    modify column state enum ('PENDING_APPROVAL', 'ACTIVE', 'SUSPENDED', 'EXPIRED', 'REVOKED') not null
      default 'ACTIVE',
    add column purpose_list varchar(64) character set ascii collate ascii_bin not null
      default 'CLIENT_AUTHENTICATION BATCH_SIGNING' after alg,
    add column not_before datetime(3) null,
    add column expires_at datetime(3) null,
    add column registered_by varchar(64) character set ascii collate ascii_bin not null default '',
    add column approved_by varchar(64) character set ascii collate ascii_bin null,
    add column approved_at datetime(3) null,
    add column replaces_id char(30) character set ascii collate ascii_bin null,
    add column overlap_seconds int unsigned null,
    add column state_reason varchar(200) collate utf8mb4_unicode_ci null,
    add column compromised_at datetime(3) null,
    add column last_used_at datetime(3) null,
    add index ix_client_key_expiry (expires_at)`,
  `update client_key join tenant on tenant.id = client_key.tenant_id
    join act on act.tenant_no = tenant.no and act.subject_id = client_key.id and act.type = 'KEY_REGISTERED'
    set client_key.registered_by = act.principal_id`,
  "alter table client_key alter column registered_by drop default, alter column purpose_list drop default",
  `alter table platform_key
    add column purpose enum ('SIGNING', 'ENCRYPTION') not null default 'SIGNING' after id`,
];

/** What each client key is for, whether and when it may be used, and who answers for it; platform keys that decrypt. */
export class KeyPurposes0000000000025 implements MigrationInterface {
  readonly name = "KeyPurposes0000000000025";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

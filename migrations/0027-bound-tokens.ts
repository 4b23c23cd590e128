import type { MigrationInterface, QueryRunner } from "typeorm";

const STEPS = [
  `alter table client add column dpop_bound_access_tokens tinyint(1) not null default 0 after scope_list`,
  `create table seen_proof (
    proof_hash binary(16) not null,
    expires_at datetime(3) not null,
    primary key (proof_hash),
    key ix_seen_proof_expiry (expires_at)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table revoked_token (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    jti char(30) character set ascii collate ascii_bin not null,
    client_id char(30) character set ascii collate ascii_bin not null,
    expires_at datetime(3) not null,
    primary key (tenant_id, jti),
    key ix_revoked_token_expiry (expires_at)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Clients that are given key-bound tokens only; tokens revoked before their end; proofs seen while Redis is away. */
export class BoundTokens0000000000027 implements MigrationInterface {
  readonly name = "BoundTokens0000000000027";

  async up(runner: QueryRunner): Promise<void> {
    for (const step of STEPS) await runner.query(step);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  // At the end of the list, so that no row is written anew.
  `alter table batch modify column state enum ('ACCEPTED', 'POSTED', 'PARKED', 'QUARANTINED', 'REJECTED')
    not null default 'ACCEPTED'`,
  // What a key signed, for the day on which it turns out to be in other hands.
  "alter table batch add index ix_batch_kid (tenant_no, kid)",
  `create table batch_quarantine (
    tenant_no int unsigned not null,
    batch_id char(30) character set ascii collate ascii_bin not null,
    partner_no int unsigned not null,
    cause enum ('ASSESSMENT', 'PARTNER_HELD', 'KEY_COMPROMISED') not null,
    quarantined_at datetime(3) not null,
    decision enum ('RELEASED', 'REJECTED') null,
    decided_by varchar(64) character set ascii collate ascii_bin null,
    decided_at datetime(3) null,
    reason varchar(500) null,
    primary key (tenant_no, batch_id),
    index ix_batch_quarantine_open (tenant_no, decision, batch_id),
    constraint fk_batch_quarantine_partner foreign key (tenant_no, partner_no) references partner (tenant_no, no)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Batches that are kept without being posted until a person decides. */
export class Quarantine0000000000033 implements MigrationInterface {
  readonly name = "Quarantine0000000000033";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table settlement_run (
    tenant_no int unsigned not null,
    id char(30) character set ascii collate ascii_bin not null,
    state varchar(32) character set ascii collate ascii_bin not null,
    through_at datetime(3) not null,
    started_by varchar(64) character set ascii collate ascii_bin not null,
    started_at datetime(3) not null,
    ended_at datetime(3) null,
    primary key (tenant_no, id),
    index ix_settlement_run_state (state)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table settlement_run_partner (
    tenant_no int unsigned not null,
    run_id char(30) character set ascii collate ascii_bin not null,
    partner_no int unsigned not null,
    state varchar(32) character set ascii collate ascii_bin not null,
    stage varchar(32) character set ascii collate ascii_bin null,
    period_id char(30) character set ascii collate ascii_bin null,
    periods_left int unsigned null,
    code varchar(32) character set ascii collate ascii_bin null,
    reason varchar(500) null,
    primary key (tenant_no, run_id, partner_no),
    constraint fk_settlement_run_partner foreign key (tenant_no, partner_no) references partner (tenant_no, no)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Orders to settle several partners: settlement_run, settlement_run_partner. */
export class SettlementRuns0000000000019 implements MigrationInterface {
  readonly name = "SettlementRuns0000000000019";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table simulation (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    tenant_no int unsigned not null,
    state enum ('RUNNING', 'DONE', 'CANCELLED', 'FAILED') not null default 'RUNNING',
    requested_by varchar(64) character set ascii collate ascii_bin not null,
    owner_partner_id char(30) character set ascii collate ascii_bin null,
    requested_at datetime(3) not null,
    finished_at datetime(3) null,
    plan mediumtext not null,
    partners_total int unsigned not null,
    partners_done int unsigned not null default '0',
    periods_total int unsigned not null,
    periods_done int unsigned not null default '0',
    refusals mediumtext not null,
    run int unsigned not null default '0',
    touched_at datetime(3) not null,
    primary key (tenant_id, id),
    index ix_simulation_state (state, touched_at),
    constraint fk_simulation_tenant foreign key (tenant_id) references tenant (id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table simulated_statement (
    no bigint unsigned not null auto_increment,
    tenant_id char(30) character set ascii collate ascii_bin not null,
    simulation_id char(30) character set ascii collate ascii_bin not null,
    partner_no int unsigned not null,
    period_no int unsigned not null,
    currency varchar(32) character set ascii collate ascii_bin not null,
    earned_before_minor decimal(38,0) not null,
    earned_after_minor decimal(38,0) not null,
    payable_before_minor decimal(38,0) not null,
    payable_after_minor decimal(38,0) not null,
    closing_before_minor decimal(38,0) not null,
    closing_after_minor decimal(38,0) not null,
    line_differences mediumtext not null,
    primary key (no),
    index ix_simulated_statement (tenant_id, simulation_id, no),
    constraint fk_simulated_statement_simulation foreign key (tenant_id, simulation_id)
      references simulation (tenant_id, id) on delete cascade on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** Simulations: simulation, simulated_statement. */
export class Simulations0000000000016 implements MigrationInterface {
  readonly name = "Simulations0000000000016";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

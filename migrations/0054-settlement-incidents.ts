import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  `create table settlement_incident (
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    period_no int unsigned not null,
    code varchar(32) character set ascii collate ascii_bin not null,
    reason varchar(500) not null,
    tries int unsigned not null,
    since datetime(3) not null,
    tried_at datetime(3) not null,
    next_try_at datetime(3) not null,
    primary key (tenant_no, partner_no),
    constraint fk_settlement_incident_partner foreign key (tenant_no, partner_no) references partner (tenant_no, no)
      on delete no action on update no action
  ) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_bin`,
];

/** Settlement: what keeps a partner's next period from being settled by itself, and when that is tried again. */
export class SettlementIncidents0000000000054 implements MigrationInterface {
  readonly name = "SettlementIncidents0000000000054";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

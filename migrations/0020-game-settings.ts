import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  `create table game_setting (
    no int unsigned not null auto_increment,
    tenant_no int unsigned not null,
    partner_no int unsigned not null,
    id char(30) character set ascii collate ascii_bin not null,
    code varchar(64) character set ascii collate ascii_bin not null,
    category varchar(64) character set ascii collate ascii_bin null,
    game_group varchar(64) character set ascii collate ascii_bin null,
    bonus_cost tinyint(1) null,
    set_by varchar(64) character set ascii collate ascii_bin not null,
    set_at datetime(3) not null,
    superseded_at datetime(3) null,
    primary key (no),
    unique index uq_game_setting_id (tenant_no, id),
    index ix_game_setting_key (tenant_no, partner_no, code, set_at),
    constraint fk_game_setting_tenant foreign key (tenant_no) references tenant (no)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  "alter table product drop column category",
];

/** Settings of game types and games: game_setting; a product's category is one of them. */
export class GameSettings0000000000020 implements MigrationInterface {
  readonly name = "GameSettings0000000000020";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

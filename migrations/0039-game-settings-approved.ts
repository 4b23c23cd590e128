import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  `alter table game_setting
    add column state enum ('PENDING_APPROVAL', 'ACTIVE', 'SUPERSEDED', 'REFUSED') not null default 'PENDING_APPROVAL'
      after bonus_cost,
    add column proposed_at datetime(3) null after set_by,
    add column decided_by varchar(64) character set ascii collate ascii_bin null after proposed_at,
    modify column set_at datetime(3) null`,
  // What one person set before this release stands: nobody else had to decide.
  `update game_setting set state = if(superseded_at is null, 'ACTIVE', 'SUPERSEDED'), proposed_at = set_at`,
  "alter table game_setting modify column proposed_at datetime(3) not null",
];

/** Settings of games take two people: game_setting has a state. */
export class GameSettingsApproved0000000000039 implements MigrationInterface {
  readonly name = "GameSettingsApproved0000000000039";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

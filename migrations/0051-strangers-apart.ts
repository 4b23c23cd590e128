import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  `alter table user add column known_failures int unsigned not null default 0 after locked_until,
     add column known_locked_until datetime(3) null after known_failures`,
];

/** Identity: wrong passwords at browsers where a person signed in count apart from those of strangers. */
export class StrangersApart0000000000051 implements MigrationInterface {
  readonly name = "StrangersApart0000000000051";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

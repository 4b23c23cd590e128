import type { MigrationInterface, QueryRunner } from "typeorm";

const STEPS = [
  `create table batch_outcome (
    tenant_no int unsigned not null,
    batch_no bigint unsigned not null,
    outcomes mediumblob not null,
    outcomes_sha256 binary(32) not null,
    primary key (tenant_no, batch_no)
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `insert into batch_outcome (tenant_no, batch_no, outcomes, outcomes_sha256)
   select tenant_no, batch_no, outcomes, outcomes_sha256 from batch_content where outcomes is not null`,
  "alter table batch_content drop column outcomes, drop column outcomes_sha256",
];

/** Outcomes beside the envelope: writing them does not write the envelope to the binary log twice more. */
export class Outcomes0000000000013 implements MigrationInterface {
  readonly name = "Outcomes0000000000013";

  async up(runner: QueryRunner): Promise<void> {
    for (const step of STEPS) await runner.query(step);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const STATEMENTS = [
  `alter table act
    modify column detail mediumtext null,
    add column address varchar(64) character set ascii collate ascii_bin null after origin,
    drop index ix_act_subject,
    add index ix_act_subject (tenant_no, subject_id, at),
    add index ix_act_at (tenant_no, at),
    add index ix_act_type (tenant_no, type, at),
    add index ix_act_principal (tenant_no, principal_id, at),
    add index ix_act_of_partner (tenant_no, partner_no, at),
    add index ix_act_request (tenant_no, request_id, at),
    add index ix_act_address (tenant_no, address, at)`,
  `update act set address = json_unquote(json_extract(origin, '$.address'))
   where origin is not null and json_type(json_extract(origin, '$.address')) = 'STRING'`,
];

/**
 * Acts are found by what they are about, who did it, by what request, from where and when, each by an index that ends
 * with the instant; their detail may be erased.
 */
export class Audit0000000000035 implements MigrationInterface {
  readonly name = "Audit0000000000035";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const STEPS = [
  "alter table posting_cursor add column recorded_at datetime(3) null",
  `insert into posting_cursor (tenant_no, partner_no)
   select partner.tenant_no, partner.no from partner
   left join posting_cursor as known on known.tenant_no = partner.tenant_no and known.partner_no = partner.no
   where known.partner_no is null`,
  `update posting_cursor as held join (
     select tenant_no, partner_no, max(recorded_at) as recorded_at from entry group by tenant_no, partner_no
   ) as last on last.tenant_no = held.tenant_no and last.partner_no = held.partner_no
   set held.recorded_at = last.recorded_at`,
];

/** Every partner has its posting cursor, which knows when the last entry was recorded. */
export class Cursors0000000000011 implements MigrationInterface {
  readonly name = "Cursors0000000000011";

  async up(runner: QueryRunner): Promise<void> {
    for (const step of STEPS) await runner.query(step);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

/** The queue's index answers by itself how much waits of whom and since when, and still gives a partner's in order. */
export class Backlog0000000000012 implements MigrationInterface {
  readonly name = "Backlog0000000000012";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `alter table batch drop index ix_batch_queue,
         add index ix_batch_queue (state, tenant_no, partner_no, no, payload_bytes, accepted_at)`,
    );
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLE = `create table collection (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    partner_id char(30) character set ascii collate ascii_bin not null,
    state enum ('PENDING_APPROVAL', 'COLLECTED', 'REFUSED', 'RETURNED') not null default 'PENDING_APPROVAL',
    currency varchar(32) character set ascii collate ascii_bin not null,
    amount_minor decimal(38,0) not null,
    returned_minor decimal(38,0) not null default 0,
    bank_reference varchar(140) not null,
    value_on date not null,
    recorded_by varchar(64) character set ascii collate ascii_bin not null,
    recorded_at datetime(3) not null,
    decided_by varchar(64) character set ascii collate ascii_bin null,
    decided_at datetime(3) null,
    primary key (tenant_id, id),
    index ix_collection_partner (tenant_id, partner_id, currency, state),
    index ix_collection_reference (tenant_id, bank_reference),
    constraint fk_collection_partner foreign key (tenant_id, partner_id) references partner (tenant_id, id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`;

/** What partners paid: collection, and entries that come from one. */
export class Collections0000000000038 implements MigrationInterface {
  readonly name = "Collections0000000000038";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLE);
    // Whatever kinds there are by now, and two more.
    const [{ kinds }] = await runner.query(
      `select column_type as kinds from information_schema.columns
       where table_schema = database() and table_name = 'entry' and column_name = 'kind'`,
    );
    const more = String(kinds).replace(/\)$/, ",'COLLECTION','COLLECTION_RETURN')");
    await runner.query(`alter table entry modify column kind ${more} not null`);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

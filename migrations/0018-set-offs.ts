import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLE = `create table set_off (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    creditor_id char(30) character set ascii collate ascii_bin not null,
    debtor_id char(30) character set ascii collate ascii_bin not null,
    currency varchar(32) character set ascii collate ascii_bin not null,
    owed_to_creditor_minor decimal(38,0) not null,
    owed_by_debtor_minor decimal(38,0) not null,
    amount_minor decimal(38,0) not null,
    set_off_at datetime(3) not null,
    primary key (tenant_id, id),
    index ix_set_off_creditor (tenant_id, creditor_id, id),
    index ix_set_off_debtor (tenant_id, debtor_id, id),
    constraint fk_set_off_creditor foreign key (tenant_id, creditor_id) references partner (tenant_id, id)
      on delete no action on update no action,
    constraint fk_set_off_debtor foreign key (tenant_id, debtor_id) references partner (tenant_id, id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`;

/** Set-offs: set_off, and entries that come from one. */
export class SetOffs0000000000018 implements MigrationInterface {
  readonly name = "SetOffs0000000000018";

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLE);
    // Whatever kinds there are by now, and one more.
    const [{ kinds }] = await runner.query(
      `select column_type as kinds from information_schema.columns
       where table_schema = database() and table_name = 'entry' and column_name = 'kind'`,
    );
    const more = String(kinds).replace(/\)$/, ",'SET_OFF')");
    await runner.query(`alter table entry modify column kind ${more} not null`);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

import type { MigrationInterface, QueryRunner } from "typeorm";

const TABLES = [
  `create table payout_account (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    partner_id char(30) character set ascii collate ascii_bin null,
    payee varchar(64) character set ascii collate ascii_bin not null,
    currency varchar(32) character set ascii collate ascii_bin not null,
    state enum ('PENDING_APPROVAL', 'ACTIVE', 'SUPERSEDED', 'REFUSED') not null default 'PENDING_APPROVAL',
    holder_name varchar(200) collate utf8mb4_unicode_ci not null,
    latin_name varchar(200) collate utf8mb4_unicode_ci not null,
    country varchar(32) character set ascii collate ascii_bin not null,
    town varchar(200) collate utf8mb4_unicode_ci null,
    is_iban tinyint(1) not null,
    number_sealed varbinary(128) not null,
    number_masked varchar(64) character set ascii collate ascii_bin not null,
    fingerprint binary(32) not null,
    bic varchar(32) character set ascii collate ascii_bin null,
    clearing_system varchar(32) character set ascii collate ascii_bin null,
    clearing_member varchar(32) character set ascii collate ascii_bin null,
    registered_by varchar(64) character set ascii collate ascii_bin not null,
    registered_at datetime(3) not null,
    decided_by varchar(64) character set ascii collate ascii_bin null,
    decided_at datetime(3) null,
    superseded_at datetime(3) null,
    primary key (tenant_id, id),
    index ix_payout_account_use (tenant_id, partner_id, currency, payee, state),
    constraint fk_payout_account_tenant foreign key (tenant_id) references tenant (id)
      on delete no action on update no action,
    constraint fk_payout_account_partner foreign key (tenant_id, partner_id) references partner (tenant_id, id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table payout_file (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    state enum ('MADE', 'VOIDED') not null default 'MADE',
    currency varchar(32) character set ascii collate ascii_bin not null,
    debtor_account_id char(30) character set ascii collate ascii_bin not null,
    transfers int unsigned not null,
    total_minor decimal(38,0) not null,
    content_sealed mediumblob not null,
    sha256 binary(32) not null,
    made_by varchar(64) character set ascii collate ascii_bin not null,
    made_at datetime(3) not null,
    voided_by varchar(64) character set ascii collate ascii_bin null,
    voided_at datetime(3) null,
    primary key (tenant_id, id),
    constraint fk_payout_file_tenant foreign key (tenant_id) references tenant (id)
      on delete no action on update no action,
    constraint fk_payout_file_debtor foreign key (tenant_id, debtor_account_id) references payout_account (tenant_id, id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table payout (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    partner_id char(30) character set ascii collate ascii_bin not null,
    statement_id char(30) character set ascii collate ascii_bin not null,
    payee varchar(64) character set ascii collate ascii_bin not null,
    attempt int unsigned not null,
    file_id char(30) character set ascii collate ascii_bin not null,
    place int unsigned not null,
    account_id char(30) character set ascii collate ascii_bin not null,
    end_to_end_id varchar(64) character set ascii collate ascii_bin not null,
    currency varchar(32) character set ascii collate ascii_bin not null,
    amount_minor decimal(38,0) not null,
    execute_on date not null,
    state enum ('EXPORTED', 'PAID', 'PARTLY_PAID', 'REFUSED', 'RETURNED', 'VOIDED') not null default 'EXPORTED',
    paid_minor decimal(38,0) not null default 0,
    returned_minor decimal(38,0) not null default 0,
    changed_at datetime(3) not null,
    primary key (tenant_id, id),
    unique index uq_payout_attempt (tenant_id, statement_id, payee, attempt),
    unique index uq_payout_place (tenant_id, file_id, place),
    unique index uq_payout_end_to_end (tenant_id, end_to_end_id),
    index ix_payout_partner (tenant_id, partner_id, currency, state),
    constraint fk_payout_partner foreign key (tenant_id, partner_id) references partner (tenant_id, id)
      on delete no action on update no action,
    constraint fk_payout_statement foreign key (tenant_id, statement_id) references statement (tenant_id, id)
      on delete no action on update no action,
    constraint fk_payout_file foreign key (tenant_id, file_id) references payout_file (tenant_id, id)
      on delete no action on update no action,
    constraint fk_payout_account foreign key (tenant_id, account_id) references payout_account (tenant_id, id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  "alter table statement add column paid_out_minor decimal(38,0) not null default 0",
  "alter table statement add index ix_statement_payable (tenant_no, state, currency, partner_no)",
  // What the statement's entry moved onto PAYABLE in the statement's own currency.
  `update statement set paid_out_minor = coalesce((
    select -sum(line.amount_minor) from entry
    join entry_line as line on line.tenant_no = entry.tenant_no and line.partner_no = entry.partner_no
      and line.entry_no = entry.no and line.account = 'PAYABLE' and line.currency = statement.currency
    where entry.tenant_no = statement.tenant_no and entry.partner_no = statement.partner_no
      and entry.period_no = statement.period_no and entry.statement_id = statement.id), 0)`,
  "alter table statement alter column paid_out_minor drop default",
];

/** Payouts: accounts, files and transfers, what each statement releases, and entries that pay and take back. */
export class Payouts0000000000024 implements MigrationInterface {
  readonly name = "Payouts0000000000024";

  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(table);
    // Whatever kinds there are by now, and two more.
    const [{ kinds }] = await runner.query(
      `select column_type as kinds from information_schema.columns
       where table_schema = database() and table_name = 'entry' and column_name = 'kind'`,
    );
    const more = String(kinds).replace(/\)$/, ",'PAYMENT','PAYMENT_RETURN')");
    await runner.query(`alter table entry modify column kind ${more} not null`);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

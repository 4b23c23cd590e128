import type { MigrationInterface, QueryRunner } from "typeorm";

const STATES = `enum ('OPEN', 'CLOSED', 'CALCULATED', 'STATEMENT_ISSUED', 'DISPUTED', 'APPROVED', 'PAYABLE', 'PAID',
  'CARRIED_FORWARD', 'ABORTED') not null`;

const STATEMENTS = [
  `alter table settlement_period modify column state ${STATES} default 'OPEN'`,
  `alter table statement
    add column state ${STATES} default 'STATEMENT_ISSUED',
    add column disputable_until datetime(3) null,
    add column advances_at datetime(3) null,
    add column approved_by varchar(64) character set ascii collate ascii_bin null,
    add column acknowledged_at datetime(3) null,
    add index ix_statement_advances (advances_at)`,
  // As the contract says of statements whose terms do not: thirty days, then people unless nothing is payable.
  `update statement set disputable_until = issued_at + interval 30 day,
    advances_at = if(payable_minor = 0, issued_at + interval 30 day, null)`,
  "alter table statement modify column disputable_until datetime(3) not null",
  `create table statement_reply (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    partner_id char(30) character set ascii collate ascii_bin not null,
    statement_id char(30) character set ascii collate ascii_bin not null,
    kind varchar(32) character set ascii collate ascii_bin not null,
    dispute_id char(30) character set ascii collate ascii_bin null,
    jti varchar(64) character set ascii collate ascii_bin not null,
    kid varchar(128) character set ascii collate ascii_bin not null,
    payload_sha256 binary(32) not null,
    jws mediumtext not null,
    received_at datetime(3) not null,
    primary key (tenant_id, id),
    unique index uq_statement_reply_jti (tenant_id, partner_id, jti),
    index ix_statement_reply_statement (tenant_id, statement_id),
    constraint fk_statement_reply_partner foreign key (tenant_id, partner_id) references partner (tenant_id, id)
      on delete no action on update no action,
    constraint fk_statement_reply_statement foreign key (tenant_id, statement_id) references statement (tenant_id, id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
  `create table dispute (
    tenant_id char(30) character set ascii collate ascii_bin not null,
    id char(30) character set ascii collate ascii_bin not null,
    tenant_no int unsigned not null,
    partner_id char(30) character set ascii collate ascii_bin not null,
    statement_id char(30) character set ascii collate ascii_bin not null,
    reply_id char(30) character set ascii collate ascii_bin not null,
    currency varchar(32) character set ascii collate ascii_bin not null,
    state varchar(32) character set ascii collate ascii_bin not null,
    opened_at datetime(3) not null,
    outcome varchar(32) character set ascii collate ascii_bin null,
    adjustment_minor decimal(38,0) null,
    answer mediumtext null,
    answered_by varchar(64) character set ascii collate ascii_bin null,
    approved_by varchar(64) character set ascii collate ascii_bin null,
    decided_at datetime(3) null,
    adjustment_period_no int unsigned null,
    primary key (tenant_id, id),
    index ix_dispute_statement (tenant_id, statement_id, id),
    index ix_dispute_partner (tenant_id, partner_id, id),
    index ix_dispute_adjustment (tenant_no, adjustment_period_no),
    constraint fk_dispute_partner foreign key (tenant_id, partner_id) references partner (tenant_id, id)
      on delete no action on update no action,
    constraint fk_dispute_statement foreign key (tenant_id, statement_id) references statement (tenant_id, id)
      on delete no action on update no action
  ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_bin`,
];

/** The lifecycle after a close: states of periods and statements, what partners reply to them, disputes. */
export class Lifecycle0000000000023 implements MigrationInterface {
  readonly name = "Lifecycle0000000000023";

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
    // Whatever kinds there are by now, and one more.
    const [{ kinds }] = await runner.query(
      `select column_type as kinds from information_schema.columns
       where table_schema = database() and table_name = 'entry' and column_name = 'kind'`,
    );
    const more = String(kinds).replace(/\)$/, ",'DISPUTE')");
    await runner.query(`alter table entry modify column kind ${more} not null`);
  }

  async down(): Promise<void> {
    throw new Error("Migrations only go forward.");
  }
}

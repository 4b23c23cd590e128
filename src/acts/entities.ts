import { Column, Entity, Index, PrimaryGeneratedColumn } from "typeorm";
import {
  codeColumn,
  counterColumn,
  instantColumn,
  numberColumn,
  sha256Column,
  textColumn,
  wordColumn,
} from "../platform/columns.js";

/** What can happen; a closed list. */
export enum ActType {
  TENANT_CREATED = "TENANT_CREATED",
  PARTNER_CREATED = "PARTNER_CREATED",
  CLIENT_CREATED = "CLIENT_CREATED",
  KEY_REGISTERED = "KEY_REGISTERED",
  KEY_APPROVED = "KEY_APPROVED",
  KEY_SUSPENDED = "KEY_SUSPENDED",
  KEY_RESUMED = "KEY_RESUMED",
  KEY_EXPIRY_SET = "KEY_EXPIRY_SET",
  KEY_EXPIRED = "KEY_EXPIRED",
  KEY_REVOKED = "KEY_REVOKED",
  USER_CREATED = "USER_CREATED",
  USER_INVITED = "USER_INVITED",
  USER_JOINED = "USER_JOINED",
  USER_ROLES_CHANGED = "USER_ROLES_CHANGED",
  USER_DISABLED = "USER_DISABLED",
  USER_LOCKED = "USER_LOCKED",
  USER_PASSWORD_CHANGED = "USER_PASSWORD_CHANGED",
  USER_SESSION_STARTED = "USER_SESSION_STARTED",
  USER_SESSION_ENDED = "USER_SESSION_ENDED",
  SIGN_IN_PROVIDER_SET = "SIGN_IN_PROVIDER_SET",
  SIGN_IN_PROVIDER_REMOVED = "SIGN_IN_PROVIDER_REMOVED",
  CLIENT_POLICY_SET = "CLIENT_POLICY_SET",
  TRUSTED_DOCUMENT_REGISTERED = "TRUSTED_DOCUMENT_REGISTERED",
  TRUSTED_DOCUMENT_WITHDRAWN = "TRUSTED_DOCUMENT_WITHDRAWN",
  CLIENT_UPDATED = "CLIENT_UPDATED",
  TOKEN_REVOKED = "TOKEN_REVOKED",
  ENCRYPTION_KEY_ROTATED = "ENCRYPTION_KEY_ROTATED",
  ENCRYPTION_KEY_DESTROYED = "ENCRYPTION_KEY_DESTROYED",
  ENCRYPTION_DEMANDED = "ENCRYPTION_DEMANDED",
  CONFIGURATION_DRAFTED = "CONFIGURATION_DRAFTED",
  CONFIGURATION_SUBMITTED = "CONFIGURATION_SUBMITTED",
  CONFIGURATION_RETURNED = "CONFIGURATION_RETURNED",
  CONFIGURATION_ACTIVATED = "CONFIGURATION_ACTIVATED",
  BATCH_ACCEPTED = "BATCH_ACCEPTED",
  BATCH_REFUSED = "BATCH_REFUSED",
  BATCH_POSTED = "BATCH_POSTED",
  BATCH_PARKED = "BATCH_PARKED",
  BATCH_RELEASED = "BATCH_RELEASED",
  BATCH_QUARANTINED = "BATCH_QUARANTINED",
  BATCH_REJECTED = "BATCH_REJECTED",
  THREAT_ASSESSED = "THREAT_ASSESSED",
  THREAT_JUDGED = "THREAT_JUDGED",
  THREAT_BLOCKED = "THREAT_BLOCKED",
  THREAT_BLOCK_LIFTED = "THREAT_BLOCK_LIFTED",
  NETWORK_BLOCK_LIFTED = "NETWORK_BLOCK_LIFTED",
  THREAT_RULES_DRAFTED = "THREAT_RULES_DRAFTED",
  THREAT_RULES_ACTIVATED = "THREAT_RULES_ACTIVATED",
  PERIOD_CLOSED = "PERIOD_CLOSED",
  PERIOD_CALCULATED = "PERIOD_CALCULATED",
  PERIOD_ABORT_PROPOSED = "PERIOD_ABORT_PROPOSED",
  PERIOD_ABORTED = "PERIOD_ABORTED",
  PERIOD_TERMS_PROPOSED = "PERIOD_TERMS_PROPOSED",
  PERIOD_TERMS_REPLACED = "PERIOD_TERMS_REPLACED",
  STATEMENT_ISSUED = "STATEMENT_ISSUED",
  STATEMENT_APPROVED = "STATEMENT_APPROVED",
  STATEMENT_RELEASED = "STATEMENT_RELEASED",
  STATEMENT_CARRIED_FORWARD = "STATEMENT_CARRIED_FORWARD",
  STATEMENT_ACKNOWLEDGED = "STATEMENT_ACKNOWLEDGED",
  STATEMENT_REPLY_REFUSED = "STATEMENT_REPLY_REFUSED",
  DISPUTE_OPENED = "DISPUTE_OPENED",
  DISPUTE_ANSWER_PROPOSED = "DISPUTE_ANSWER_PROPOSED",
  DISPUTE_ACCEPTED = "DISPUTE_ACCEPTED",
  DISPUTE_REJECTED = "DISPUTE_REJECTED",
  DISPUTE_WITHDRAWN = "DISPUTE_WITHDRAWN",
  SETTLEMENT_RUN_STARTED = "SETTLEMENT_RUN_STARTED",
  SETTLEMENT_RUN_CANCELLED = "SETTLEMENT_RUN_CANCELLED",
  SETTLEMENT_RUN_ENDED = "SETTLEMENT_RUN_ENDED",
  SETTLEMENT_STOPPED = "SETTLEMENT_STOPPED",
  EXCHANGE_RATE_ENTERED = "EXCHANGE_RATE_ENTERED",
  EXCHANGE_RATE_APPROVED = "EXCHANGE_RATE_APPROVED",
  EXCHANGE_RATE_REFUSED = "EXCHANGE_RATE_REFUSED",
  GAME_SETTINGS_PROPOSED = "GAME_SETTINGS_PROPOSED",
  GAME_SETTINGS_SET = "GAME_SETTINGS_SET",
  GAME_SETTINGS_REFUSED = "GAME_SETTINGS_REFUSED",
  DEBTS_SET_OFF = "DEBTS_SET_OFF",
  CREDIT_LOW = "CREDIT_LOW",
  CREDIT_EXPIRED = "CREDIT_EXPIRED",
  PAYOUT_ACCOUNT_REGISTERED = "PAYOUT_ACCOUNT_REGISTERED",
  PAYOUT_ACCOUNT_APPROVED = "PAYOUT_ACCOUNT_APPROVED",
  PAYOUT_ACCOUNT_REFUSED = "PAYOUT_ACCOUNT_REFUSED",
  PAYOUT_FILE_MADE = "PAYOUT_FILE_MADE",
  PAYOUT_FILE_VOIDED = "PAYOUT_FILE_VOIDED",
  PAYOUT_PAID = "PAYOUT_PAID",
  PAYOUT_REFUSED = "PAYOUT_REFUSED",
  PAYOUT_RETURNED = "PAYOUT_RETURNED",
  STATEMENT_PAID = "STATEMENT_PAID",
  STATEMENT_PAYABLE_AGAIN = "STATEMENT_PAYABLE_AGAIN",
  COLLECTION_RECORDED = "COLLECTION_RECORDED",
  COLLECTION_APPROVED = "COLLECTION_APPROVED",
  COLLECTION_REFUSED = "COLLECTION_REFUSED",
  COLLECTION_RETURNED = "COLLECTION_RETURNED",
  ACTS_EXPORTED = "ACTS_EXPORTED",
  LOG_RESTARTED = "LOG_RESTARTED",
  LOG_WITNESS_WAIVED = "LOG_WITNESS_WAIVED",
  BATCH_REMOVED = "BATCH_REMOVED",
  ORIGINS_ERASED = "ORIGINS_ERASED",
  RETENTION_PROPOSED = "RETENTION_PROPOSED",
  RETENTION_SET = "RETENTION_SET",
  RETENTION_REFUSED = "RETENTION_REFUSED",
  PLAYER_KEY_ERASURE_PROPOSED = "PLAYER_KEY_ERASURE_PROPOSED",
  PLAYER_KEY_ERASED = "PLAYER_KEY_ERASED",
  PLAYER_KEY_ERASURE_REFUSED = "PLAYER_KEY_ERASURE_REFUSED",
}

/**
 * One thing that happened: audit record, leaf of the tenant's tree and live event at once. Never changed, only
 * numbered.
 */
@Entity({ name: "act" })
@Index("uq_act_tree", ["tenantNo", "treeIndex"], { unique: true })
@Index("uq_act_partner", ["tenantNo", "partnerNo", "partnerSequence"], {
  unique: true,
})
@Index("ix_act_unnumbered", ["treeIndex"])
@Index("ix_act_at", ["tenantNo", "at"])
@Index("ix_act_subject", ["tenantNo", "subjectId", "at"])
@Index("ix_act_type", ["tenantNo", "type", "at"])
@Index("ix_act_principal", ["tenantNo", "principalId", "at"])
@Index("ix_act_of_partner", ["tenantNo", "partnerNo", "at"])
@Index("ix_act_request", ["tenantNo", "requestId", "at"])
@Index("ix_act_address", ["tenantNo", "address", "at"])
export class Act {
  @PrimaryGeneratedColumn({ type: "bigint", unsigned: true })
  readonly no!: string;

  @Column(numberColumn)
  readonly tenantNo!: number;

  /** 0 where the act is of no one partner. */
  @Column(numberColumn)
  readonly partnerNo!: number;

  @Column(wordColumn)
  readonly type!: ActType;

  @Column(codeColumn)
  readonly subjectId!: string;

  @Column(wordColumn)
  readonly principalKind!: string;

  @Column(codeColumn)
  readonly principalId!: string;

  @Column(codeColumn)
  readonly requestId!: string;

  @Column(instantColumn)
  readonly at!: Date;

  /** Canonical JSON of how the subject stood before and after; null once it was erased. */
  @Column({ ...textColumn, nullable: true })
  readonly detail!: string | null;

  @Column(sha256Column)
  readonly detailSha256!: Buffer;

  /** Canonical JSON of address, trace and a nonce; the leaf holds only its hash, so it may be erased one day. */
  @Column({ ...textColumn, nullable: true })
  readonly origin!: string | null;

  /** The address in `origin`, to be searched by; erased with it. */
  @Column({ ...codeColumn, nullable: true })
  readonly address!: string | null;

  @Column(sha256Column)
  readonly originSha256!: Buffer;

  @Column(sha256Column)
  readonly leafHash!: Buffer;

  /** Index in the tenant's tree, contiguous; given once, by the relay. */
  @Column({ ...counterColumn, nullable: true })
  readonly treeIndex!: bigint | null;

  /** Contiguous per partner from 1; given once, by the relay. */
  @Column({ ...counterColumn, nullable: true })
  readonly partnerSequence!: bigint | null;
}

import type { ActType } from "./entities.js";

/** What an act of a type must say besides who, when, from where and by which request. */
interface Evidence {
  readonly before: boolean;
  readonly after: true;
  /** Why, in words of whoever decided: as `after.reason`. */
  readonly reason: boolean;
}

/** Something came to be, or was seen. */
const MADE: Evidence = { before: false, after: true, reason: false };
/** Something that was there stands otherwise now. */
const CHANGED: Evidence = { before: true, after: true, reason: false };
/** Somebody took back, refused or gave up what was there, and says why. */
const REASONED: Evidence = { before: true, after: true, reason: true };

/** What acts of each type say and hold: a closed table, which the compiler keeps complete and `recordActs` holds to. */
export const EVIDENCE: Readonly<Record<ActType, Evidence & { readonly says: string }>> = {
  TENANT_CREATED: { ...MADE, says: "A tenant was set up." },
  PARTNER_CREATED: { ...MADE, says: "A partner was added." },
  CLIENT_CREATED: { ...MADE, says: "A client was given access." },
  KEY_REGISTERED: { ...MADE, says: "A public key was registered, or the platform made one of its own." },
  KEY_APPROVED: { ...CHANGED, says: "A second person put a registered key to use." },
  KEY_SUSPENDED: { ...REASONED, says: "A key was suspended: nothing is accepted from it until it is resumed." },
  KEY_RESUMED: { ...REASONED, says: "A suspended key was put to use again." },
  KEY_EXPIRY_SET: { ...CHANGED, says: "A key was given an end." },
  KEY_EXPIRED: { ...CHANGED, says: "A key came to its end." },
  KEY_REVOKED: { ...REASONED, says: "A key was revoked: nothing new is accepted from it." },
  CLIENT_POLICY_SET: { ...CHANGED, says: "What a client may ask was changed." },
  TRUSTED_DOCUMENT_REGISTERED: { ...MADE, says: "A document was registered, to be run by its hash." },
  TRUSTED_DOCUMENT_WITHDRAWN: { ...REASONED, says: "A registered document was withdrawn." },
  CLIENT_UPDATED: { ...CHANGED, says: "How a client gets its access tokens was changed." },
  TOKEN_REVOKED: { ...MADE, says: "A client had one of its access tokens end early." },
  ENCRYPTION_KEY_ROTATED: { ...MADE, says: "The tenant was given another key that batches may be encrypted for." },
  ENCRYPTION_KEY_DESTROYED: { ...MADE, says: "A key that batches were encrypted for was destroyed." },
  ENCRYPTION_DEMANDED: { ...CHANGED, says: "Whether a partner's batches must come encrypted was changed." },
  USER_CREATED: { ...MADE, says: "A person was given an account and an invitation." },
  USER_INVITED: { ...CHANGED, says: "A person was given a new invitation; earlier ones are void." },
  USER_JOINED: { ...CHANGED, says: "A person took an invitation up, or was vouched for by the provider." },
  USER_ROLES_CHANGED: { ...CHANGED, says: "A person was given other roles." },
  USER_DISABLED: { ...REASONED, says: "A person was disabled, and the sessions ended." },
  USER_LOCKED: { ...MADE, says: "Too many wrong passwords locked an account for minutes." },
  USER_PASSWORD_CHANGED: { ...MADE, says: "A person changed the password." },
  USER_SESSION_STARTED: { ...MADE, says: "A person signed in." },
  USER_SESSION_ENDED: { ...MADE, reason: true, says: "A session was ended." },
  SIGN_IN_PROVIDER_SET: { ...MADE, says: "People sign in by an OpenID provider from now on." },
  SIGN_IN_PROVIDER_REMOVED: { ...CHANGED, says: "People sign in by password again." },
  CONFIGURATION_DRAFTED: { ...MADE, says: "A version of a partner's terms was drafted." },
  CONFIGURATION_SUBMITTED: { ...CHANGED, says: "A draft was submitted for approval." },
  CONFIGURATION_RETURNED: { ...REASONED, says: "A submitted version was sent back to be drafted anew." },
  CONFIGURATION_ACTIVATED: { ...CHANGED, says: "A version was approved and put in force." },
  BATCH_ACCEPTED: { ...MADE, says: "A signed batch was stored and receipted." },
  BATCH_REFUSED: { ...MADE, says: "Something that came as a batch was refused." },
  BATCH_POSTED: { ...CHANGED, says: "The items of a batch got their outcomes." },
  BATCH_PARKED: { ...REASONED, says: "A batch that could not be posted was set aside." },
  BATCH_RELEASED: { ...CHANGED, says: "A parked or quarantined batch was put back into its queue." },
  BATCH_QUARANTINED: {
    ...CHANGED,
    says: "A batch that waited to be posted was quarantined, for its key is compromised.",
  },
  BATCH_REJECTED: { ...REASONED, says: "A quarantined batch was refused for good." },
  THREAT_ASSESSED: { ...MADE, says: "A batch, a client or a partner looked suspicious." },
  THREAT_JUDGED: { ...REASONED, says: "Somebody said of a verdict whether it was right, which moved thresholds." },
  THREAT_BLOCKED: { ...MADE, reason: true, says: "A client was blocked, or a partner's batches were to be held." },
  THREAT_BLOCK_LIFTED: { ...REASONED, says: "A block was lifted, or ended by itself." },
  NETWORK_BLOCK_LIFTED: { ...REASONED, says: "The block of a network that failed to authenticate was lifted." },
  THREAT_RULES_DRAFTED: { ...MADE, says: "A version of the threat rules was drafted." },
  THREAT_RULES_ACTIVATED: { ...CHANGED, says: "A version of the threat rules was put in force." },
  PERIOD_CLOSED: { ...CHANGED, says: "A period was fenced: nothing joins it any more." },
  PERIOD_CALCULATED: { ...CHANGED, says: "The terms of a closed period were computed." },
  PERIOD_ABORT_PROPOSED: { ...REASONED, says: "Somebody proposed to give up an empty period." },
  PERIOD_ABORTED: { ...REASONED, says: "An empty period was given up." },
  PERIOD_TERMS_PROPOSED: {
    ...REASONED,
    says: "Somebody proposed that a closed period, which its own terms cannot settle, is settled by another version.",
  },
  PERIOD_TERMS_REPLACED: { ...REASONED, says: "Such a period was given the other version, and is settled by it." },
  STATEMENT_ISSUED: { ...MADE, says: "A statement was signed and booked." },
  STATEMENT_APPROVED: { ...CHANGED, says: "A statement was approved." },
  STATEMENT_RELEASED: { ...CHANGED, says: "The money of an approved statement was released for payment." },
  STATEMENT_CARRIED_FORWARD: { ...CHANGED, says: "A statement with nothing to pay passed its closing on to the next." },
  STATEMENT_ACKNOWLEDGED: { ...CHANGED, says: "The partner signed that a statement is right." },
  STATEMENT_REPLY_REFUSED: { ...MADE, says: "A signed reply to a statement was refused." },
  DISPUTE_OPENED: { ...CHANGED, says: "The partner disputed lines of a statement." },
  DISPUTE_ANSWER_PROPOSED: {
    ...REASONED,
    says: "Somebody answered a dispute; where money moves a second person decides.",
  },
  DISPUTE_ACCEPTED: { ...REASONED, says: "A dispute was accepted, in whole or in part." },
  DISPUTE_REJECTED: { ...REASONED, says: "A dispute was rejected." },
  DISPUTE_WITHDRAWN: { ...CHANGED, says: "The partner took a dispute back." },
  SETTLEMENT_RUN_STARTED: { ...MADE, says: "A run that settles many partners was started." },
  SETTLEMENT_RUN_CANCELLED: { ...CHANGED, says: "A run was stopped by somebody." },
  SETTLEMENT_RUN_ENDED: { ...CHANGED, says: "A run came to its end." },
  SETTLEMENT_STOPPED: { ...MADE, says: "A partner could not be settled; a person must do something about it." },
  EXCHANGE_RATE_ENTERED: { ...MADE, says: "A rate was entered, which stands once a second person approves it." },
  EXCHANGE_RATE_APPROVED: {
    ...CHANGED,
    says: "An entered rate was let stand, where there was one in the place of another that no statement had used.",
  },
  EXCHANGE_RATE_REFUSED: { ...REASONED, says: "An entered rate was refused." },
  GAME_SETTINGS_PROPOSED: { ...MADE, says: "Somebody proposed settings of a game or of a type of games." },
  GAME_SETTINGS_REFUSED: { ...REASONED, says: "Proposed settings of a game or of a type of games were refused." },
  GAME_SETTINGS_SET: { ...MADE, says: "Settings of a game or of a type of games were changed." },
  DEBTS_SET_OFF: { ...MADE, says: "Opposite debts of linked partners were set off." },
  CREDIT_LOW: { ...CHANGED, says: "Prepaid credit fell below its low-water mark." },
  CREDIT_EXPIRED: { ...CHANGED, says: "Prepaid credit that nobody used was written off." },
  PAYOUT_ACCOUNT_REGISTERED: { ...MADE, says: "A bank account was registered." },
  PAYOUT_ACCOUNT_APPROVED: { ...CHANGED, says: "A registered account was put to use." },
  PAYOUT_ACCOUNT_REFUSED: { ...REASONED, says: "A registered account was refused." },
  PAYOUT_FILE_MADE: { ...MADE, says: "A payment file was made." },
  PAYOUT_FILE_VOIDED: { ...REASONED, says: "A payment file that no bank has taken was made void." },
  PAYOUT_PAID: { ...CHANGED, says: "A payout was marked as paid, in whole or in part." },
  PAYOUT_REFUSED: { ...CHANGED, says: "A payout was marked as refused by the bank." },
  PAYOUT_RETURNED: { ...CHANGED, says: "A payout was marked as returned by the bank." },
  STATEMENT_PAID: { ...CHANGED, says: "A statement is paid: by credit or set-offs wholly, or collected." },
  STATEMENT_PAYABLE_AGAIN: {
    ...CHANGED,
    says: "Money that had met a statement went back: it is to be collected again.",
  },
  COLLECTION_RECORDED: { ...MADE, says: "Somebody recorded that a partner paid; nothing moved yet." },
  COLLECTION_APPROVED: { ...CHANGED, says: "A second person found that payment too, and it was booked." },
  COLLECTION_REFUSED: { ...REASONED, says: "A record of a partner's payment was wrong, and refused." },
  COLLECTION_RETURNED: { ...REASONED, says: "What a partner had paid, all or a part, went back." },
  LOG_RESTARTED: { ...REASONED, says: "A transparency log was given a new name and key." },
  LOG_WITNESS_WAIVED: { ...REASONED, says: "A log may be signed without hearing a witness that is away." },
  ACTS_EXPORTED: { ...MADE, says: "Somebody exported acts; this says which." },
  BATCH_REMOVED: { ...CHANGED, says: "A batch that was settled long ago was exported and removed; hashes stay." },
  ORIGINS_ERASED: { ...CHANGED, says: "Addresses and traces of old acts were erased." },
  RETENTION_PROPOSED: { ...REASONED, says: "Somebody proposed for how long content is kept." },
  RETENTION_SET: { ...REASONED, says: "A second person approved for how long content is kept." },
  RETENTION_REFUSED: { ...REASONED, says: "A proposal about retention was refused or taken back." },
  PLAYER_KEY_ERASURE_PROPOSED: { ...REASONED, says: "Somebody proposed to erase the key of players' pseudonyms." },
  PLAYER_KEY_ERASED: { ...REASONED, says: "The key of players' pseudonyms was erased: nobody can link them any more." },
  PLAYER_KEY_ERASURE_REFUSED: { ...REASONED, says: "A proposal to erase that key was refused or taken back." },
};

/** What an act says of its subject; each member an object of the caller's. */
export interface Said {
  readonly before?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
}

/** The first thing that an act of a type must hold and does not; null where nothing is missing. */
export function missingEvidence(type: ActType, { before, after }: Said): keyof Evidence | null {
  const wanted = EVIDENCE[type];
  if (after === undefined) return "after";
  if (wanted.before && before === undefined) return "before";
  const { reason } = after;
  return wanted.reason && !(typeof reason === "string" && reason !== "") ? "reason" : null;
}

import { migrations } from "../../migrations/index.js";
import "./act-listeners.js"; // whoever opens the database hears what is done in it
import { Act } from "../acts/entities.js";
import { ActSequence } from "../events/entities.js";
import { BatchContent, BatchOutcome } from "../exchange/contents/entities.js";
import { CreditLot, CreditMove, StoredCreditTerms } from "../exchange/credit/entities.js";
import { EncryptionDemand } from "../exchange/encryption/entities.js";
import { Batch, Transaction } from "../exchange/entities.js";
import { BatchQuarantine } from "../exchange/quarantine/entities.js";
import { TakenId } from "../exchange/removals/entities.js";
import { Reversal } from "../exchange/reversals/entities.js";
import { TrustedDocument } from "../identity/documents/entities.js";
import { Client, ClientKey, PlatformKey, SeenAssertion } from "../identity/entities.js";
import { ClientPolicy } from "../identity/policies/entities.js";
import { SignInProvider } from "../identity/providers/entities.js";
import { SeenProof } from "../identity/replays/entities.js";
import { RevokedToken } from "../identity/revocations/entities.js";
import { UserSession } from "../identity/sessions/entities.js";
import { User } from "../identity/users/entities.js";
import { Account, Entry, EntryLine } from "../ledger/entities.js";
import { RetentionChange } from "../operations/retention/entities.js";
import { ActivityTotal, FineTotal, PostingCursor, SettlementPeriod } from "../periods/entities.js";
import type { Schema } from "../platform/database.js";
import { IdempotentAnswer, Lease } from "../platform/entities.js";
import { Collection } from "../settlement/collections/entities.js";
import { Dispute } from "../settlement/disputes/entities.js";
import { Configuration, Statement } from "../settlement/entities.js";
import { GameSetting } from "../settlement/games/entities.js";
import { SettlementIncident } from "../settlement/incidents/entities.js";
import { StoredSetOff } from "../settlement/netting/entities.js";
import { PayoutAccount } from "../settlement/payout-accounts/entities.js";
import { PayoutFile } from "../settlement/payout-files/entities.js";
import { Payout } from "../settlement/payouts/entities.js";
import { StoredRate } from "../settlement/rates/entities.js";
import { StatementReply } from "../settlement/replies/entities.js";
import { SettlementRun, SettlementRunPartner } from "../settlement/settlement-runs/entities.js";
import { SimulatedStatement, Simulation } from "../settlement/simulations/entities.js";
import { Brand, DataKey, Partner, Product, Tenant } from "../tenancy/entities.js";
import { ThreatAssessment } from "../threat/assessments/entities.js";
import { ThreatBlock } from "../threat/blocks/entities.js";
import { ThreatRules } from "../threat/documents/entities.js";
import { StoredProfile, ThreatThreshold } from "../threat/entities.js";
import { LogAnchor, LogCheckpoint, LogCosignature, LogKey, LogTile, LogTree } from "../transparency/entities.js";

/** Every table of ours and the migrations that make them. */
export const databaseSchema: Schema = {
  entities: [
    ...[IdempotentAnswer, Lease, Act, Tenant, DataKey, Partner, Brand, Product],
    ...[Client, ClientKey, PlatformKey, SeenAssertion, SeenProof, RevokedToken],
    ...[LogKey, LogCosignature, LogAnchor],
    ...[LogTree, LogTile, LogCheckpoint, ActSequence, SettlementPeriod, PostingCursor, ActivityTotal, FineTotal],
    ...[Account, Entry, EntryLine, Batch, BatchContent, BatchOutcome, Transaction, Reversal, Configuration, Statement],
    ...[EncryptionDemand],
    ...[ClientPolicy, TrustedDocument],
    ...[SettlementRun, SettlementRunPartner, SettlementIncident],
    ...[StoredCreditTerms, CreditLot, CreditMove],
    ...[Simulation, SimulatedStatement, StoredRate, StoredSetOff, GameSetting],
    ...[StatementReply, Dispute],
    ...[User, UserSession, SignInProvider],
    ...[PayoutAccount, PayoutFile, Payout, Collection],
    ...[TakenId, RetentionChange],
    ...[ThreatRules, ThreatAssessment, ThreatBlock, ThreatThreshold, StoredProfile, BatchQuarantine],
  ],
  migrations: [...migrations],
};

import type { NonEmptyArray } from "type-graphql";
import { BatchResolver } from "../exchange/batches/resolver.js";
import { SignedBatchesResolver } from "../exchange/compromise/resolver.js";
import { CreditAlertResolver } from "../exchange/credit-alerts/resolver.js";
import { CreditLotResolver, PartnerCreditResolver } from "../exchange/credit-standing/resolver.js";
import { EncryptionDemandResolver } from "../exchange/encryption/resolver.js";
import { BatchEventResolver } from "../exchange/live/resolver.js";
import { BatchQuarantineResolver, QuarantineOfBatchResolver } from "../exchange/quarantine/resolver.js";
import { RehearsalResolver } from "../exchange/rehearsals/resolver.js";
import { SignatureTestResolver } from "../exchange/signature-tests/resolver.js";
import { TransactionResolver } from "../exchange/transactions/resolver.js";
import { ClientResolver } from "../identity/clients/resolver.js";
import { TrustedDocumentResolver } from "../identity/documents/resolver.js";
import { EncryptionKeyResolver } from "../identity/encryption-keys/resolver.js";
import { KeyRevocationResolver } from "../identity/key-revocations/resolver.js";
import { KeyStateResolver } from "../identity/key-states/resolver.js";
import { KeyResolver } from "../identity/keys/resolver.js";
import { ClientPolicyResolver } from "../identity/policies/resolver.js";
import { RegistrationResolver } from "../identity/registrations/resolver.js";
import { UserSessionResolver } from "../identity/sessions/resolver.js";
import { ViewerResolver } from "../identity/tokens/resolver.js";
import { UserResolver } from "../identity/users/resolver.js";
import { BalancesResolver } from "../ledger/resolver.js";
import { AuditResolver } from "../operations/audit/resolver.js";
import { InboxResolver } from "../operations/inbox/resolver.js";
import { RetentionResolver } from "../operations/retention/resolver.js";
import { AbortResolver } from "../settlement/aborting/resolver.js";
import { AnswerResolver } from "../settlement/answers/resolver.js";
import { CollectionResolver } from "../settlement/collections/resolver.js";
import { ConfigurationResolver } from "../settlement/configurations/resolver.js";
import { DisputeResolver, StatementReplyResolver } from "../settlement/disputes/resolver.js";
import { GameSettingsResolver } from "../settlement/games/resolver.js";
import { SettlementEventResolver } from "../settlement/live/resolver.js";
import { SetOffResolver } from "../settlement/netting/resolver.js";
import { OtherTermsResolver } from "../settlement/other-terms/resolver.js";
import { PayableResolver } from "../settlement/payables/resolver.js";
import { PayoutAccountResolver } from "../settlement/payout-accounts/resolver.js";
import { PayoutFileResolver } from "../settlement/payout-files/resolver.js";
import { PayoutResolver } from "../settlement/payouts/resolver.js";
import { ExchangeRateResolver } from "../settlement/rates/resolver.js";
import { ReceivableResolver } from "../settlement/receivables/resolver.js";
import { ReviewResolver } from "../settlement/reviews/resolver.js";
import { RuleResolver } from "../settlement/rulings/resolver.js";
import { SettlementPeriodResolver } from "../settlement/runs/resolver.js";
import { SettlementRunPartnerResolver, SettlementRunResolver } from "../settlement/settlement-runs/resolver.js";
import {
  SimulatedPartnerResolver,
  SimulatedStatementResolver,
  SimulationResolver,
} from "../settlement/simulations/resolver.js";
import { StatementResolver } from "../settlement/statements/resolver.js";
import { TenancyResolver } from "../tenancy/resolver.js";
import { ThreatAssessmentResolver } from "../threat/assessments/resolver.js";
import { ThreatBlockResolver } from "../threat/blocks/resolver.js";
import { ThreatRulesResolver } from "../threat/documents/resolver.js";
import { ThreatAlertResolver } from "../threat/live/resolver.js";
import { NetworkBlockResolver } from "../threat/networks/resolver.js";
import { LogResolver } from "../transparency/resolver.js";
import { ErrorCodeResolver } from "./error-code.js";
import { NodeResolver } from "./node.js";

/** Every resolver of the schema, a line each domain. */
export const resolvers: NonEmptyArray<new () => object> = [
  ...([ErrorCodeResolver, NodeResolver] as const),
  ...[TenancyResolver, LogResolver],
  ...[ClientResolver, ViewerResolver, UserResolver, UserSessionResolver],
  ...[KeyResolver, RegistrationResolver, KeyStateResolver, KeyRevocationResolver],
  ...[ClientPolicyResolver, TrustedDocumentResolver],
  ...[EncryptionKeyResolver, EncryptionDemandResolver],
  ...[BatchResolver, SignatureTestResolver, TransactionResolver, BatchEventResolver],
  ...[ThreatRulesResolver, ThreatAssessmentResolver, ThreatBlockResolver, ThreatAlertResolver],
  ...[NetworkBlockResolver],
  ...[BatchQuarantineResolver, QuarantineOfBatchResolver, SignedBatchesResolver, RehearsalResolver],
  ...[BalancesResolver, PartnerCreditResolver, CreditLotResolver, CreditAlertResolver],
  ...[ConfigurationResolver, SettlementPeriodResolver, StatementResolver, ReviewResolver, SettlementEventResolver],
  ...[DisputeResolver, StatementReplyResolver, AnswerResolver, AbortResolver, OtherTermsResolver],
  ...[SettlementRunResolver, SettlementRunPartnerResolver],
  ...[RuleResolver, GameSettingsResolver],
  ...[SimulationResolver, SimulatedPartnerResolver, SimulatedStatementResolver, ExchangeRateResolver, SetOffResolver],
  ...[AuditResolver, RetentionResolver, InboxResolver],
  ...[PayoutAccountResolver, PayoutFileResolver, PayoutResolver, PayableResolver],
  ...[CollectionResolver, ReceivableResolver],
];

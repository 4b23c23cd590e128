import type { MigrationInterface } from "typeorm";
import { Platform0000000000001 } from "./0001-platform.js";
import { Tenancy0000000000002 } from "./0002-tenancy.js";
import { Identity0000000000003 } from "./0003-identity.js";
import { Acts0000000000004 } from "./0004-acts.js";
import { Transparency0000000000005 } from "./0005-transparency.js";
import { Periods0000000000006 } from "./0006-periods.js";
import { Ledger0000000000007 } from "./0007-ledger.js";
import { Exchange0000000000008 } from "./0008-exchange.js";
import { Settlement0000000000009 } from "./0009-settlement.js";
import { Tries0000000000010 } from "./0010-tries.js";
import { Cursors0000000000011 } from "./0011-cursors.js";
import { Backlog0000000000012 } from "./0012-backlog.js";
import { Outcomes0000000000013 } from "./0013-outcomes.js";
import { CyclesAndVersions0000000000014 } from "./0014-cycles-and-versions.js";
import { Commitments0000000000015 } from "./0015-commitments.js";
import { Simulations0000000000016 } from "./0016-simulations.js";
import { ExchangeRates0000000000017 } from "./0017-exchange-rates.js";
import { SetOffs0000000000018 } from "./0018-set-offs.js";
import { SettlementRuns0000000000019 } from "./0019-settlement-runs.js";
import { GameSettings0000000000020 } from "./0020-game-settings.js";
import { FineTotals0000000000021 } from "./0021-fine-totals.js";
import { Credit0000000000022 } from "./0022-credit.js";
import { Lifecycle0000000000023 } from "./0023-lifecycle.js";
import { Payouts0000000000024 } from "./0024-payouts.js";
import { KeyPurposes0000000000025 } from "./0025-key-purposes.js";
import { DataKeys0000000000026 } from "./0026-data-keys.js";
import { BoundTokens0000000000027 } from "./0027-bound-tokens.js";
import { People0000000000028 } from "./0028-people.js";
import { SignInProviders0000000000029 } from "./0029-sign-in-providers.js";
import { Encryption0000000000030 } from "./0030-encryption.js";
import { ClientPolicies0000000000031 } from "./0031-client-policies.js";
import { Threat0000000000032 } from "./0032-threat.js";
import { Quarantine0000000000033 } from "./0033-quarantine.js";
import { CheckpointsKeptElsewhere0000000000034 } from "./0034-checkpoints-kept-elsewhere.js";
import { Audit0000000000035 } from "./0035-audit.js";
import { Retention0000000000036 } from "./0036-retention.js";
import { SimulatedPartners0000000000037 } from "./0037-simulated-partners.js";
import { Collections0000000000038 } from "./0038-collections.js";
import { GameSettingsApproved0000000000039 } from "./0039-game-settings-approved.js";
import { TakenIds0000000000041 } from "./0041-taken-ids.js";
import { StatementSetOff0000000000042 } from "./0042-statement-set-off.js";
import { ExchangeRatesApproved0000000000045 } from "./0045-exchange-rates-approved.js";
import { UncoveredDrawdowns0000000000046 } from "./0046-uncovered-drawdowns.js";
import { WaivedWitnesses0000000000049 } from "./0049-waived-witnesses.js";
import { StrangersApart0000000000051 } from "./0051-strangers-apart.js";
import { RatesUsedStand0000000000052 } from "./0052-rates-used-stand.js";
import { SettlementIncidents0000000000054 } from "./0054-settlement-incidents.js";

/** Every migration, in the order they run; forward only, one concern each. */
export const migrations: readonly (new () => MigrationInterface)[] = [
  Platform0000000000001,
  Tenancy0000000000002,
  Identity0000000000003,
  Acts0000000000004,
  Transparency0000000000005,
  Periods0000000000006,
  Ledger0000000000007,
  Exchange0000000000008,
  Settlement0000000000009,
  Tries0000000000010,
  Cursors0000000000011,
  Backlog0000000000012,
  Outcomes0000000000013,
  CyclesAndVersions0000000000014,
  Commitments0000000000015,
  Simulations0000000000016,
  ExchangeRates0000000000017,
  SetOffs0000000000018,
  SettlementRuns0000000000019,
  GameSettings0000000000020,
  FineTotals0000000000021,
  Credit0000000000022,
  Lifecycle0000000000023,
  Payouts0000000000024,
  KeyPurposes0000000000025,
  DataKeys0000000000026,
  BoundTokens0000000000027,
  People0000000000028,
  SignInProviders0000000000029,
  Encryption0000000000030,
  ClientPolicies0000000000031,
  Threat0000000000032,
  Quarantine0000000000033,
  CheckpointsKeptElsewhere0000000000034,
  Audit0000000000035,
  Retention0000000000036,
  SimulatedPartners0000000000037,
  Collections0000000000038,
  GameSettingsApproved0000000000039,
  TakenIds0000000000041,
  StatementSetOff0000000000042,
  ExchangeRatesApproved0000000000045,
  UncoveredDrawdowns0000000000046,
  WaivedWitnesses0000000000049,
  StrangersApart0000000000051,
  RatesUsedStand0000000000052,
  SettlementIncidents0000000000054,
];

import { registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, PrimaryColumn } from "typeorm";
import { instantColumn, numberColumn, textColumn } from "../platform/columns.js";
import { Partner, Tenant } from "../tenancy/entities.js";

/** Whom or what a verdict is about. */
export enum ThreatSubject {
  BATCH = "BATCH",
  CLIENT = "CLIENT",
  PARTNER = "PARTNER",
}

registerEnumType(ThreatSubject, {
  name: "ThreatSubject",
  description: "Whom or what a verdict is about.",
  valuesConfig: {
    BATCH: { description: "One batch, when it comes in." },
    CLIENT: { description: "The client that sends." },
    PARTNER: { description: "A partner, by what its batches turned out to be." },
  },
});

/** What an assessment comes to. */
export enum ThreatVerdict {
  PASS = "PASS",
  REVIEW = "REVIEW",
  QUARANTINE = "QUARANTINE",
}

registerEnumType(ThreatVerdict, {
  name: "ThreatVerdict",
  description: "What an assessment comes to.",
  valuesConfig: {
    PASS: { description: "Nothing is done, and nothing is kept." },
    REVIEW: { description: "Goes on; a person should look at it." },
    QUARANTINE: { description: "A batch is kept and not posted, a client is blocked, a partner's batches are kept." },
  },
});

/** What is known of a sender or a batch; each is a number. */
export enum ThreatFact {
  SIGNATURE_FAILURES = "SIGNATURE_FAILURES",
  REPLAYS = "REPLAYS",
  ENUMERATION = "ENUMERATION",
  QUARANTINED_BATCHES = "QUARANTINED_BATCHES",
  AUTHENTICATION_FAILURES = "AUTHENTICATION_FAILURES",
  NEW_KEY = "NEW_KEY",
  NEW_ADDRESS = "NEW_ADDRESS",
  VOLUME = "VOLUME",
  AMOUNT = "AMOUNT",
  HOUR = "HOUR",
  RTP_HIGH = "RTP_HIGH",
  RTP_LOW = "RTP_LOW",
  DUPLICATE_RATIO = "DUPLICATE_RATIO",
}

registerEnumType(ThreatFact, {
  name: "ThreatFact",
  description: "What is known of a sender or a batch; each is a number.",
  valuesConfig: {
    SIGNATURE_FAILURES: { description: "Batches of the client lately whose signature, encryption or key was refused." },
    REPLAYS: { description: "Batches that the client sent again lately." },
    ENUMERATION: { description: "Times lately that the client named what does not exist or is not its own." },
    QUARANTINED_BATCHES: { description: "Batches of the client lately that were quarantined." },
    AUTHENTICATION_FAILURES: {
      description:
        "Requests for access tokens lately, from wherever, that named the client and did not prove to come from it." +
        " Counts against nobody, so it gives no more than `REVIEW`.",
    },
    NEW_KEY: { description: "1 where the signing key was registered within a day, else 0." },
    NEW_ADDRESS: { description: "Up to 1: the network it came from is new, and the partner seldom changes its own." },
    VOLUME: { description: "Standard deviations by which this minute's transactions exceed the usual, as logarithms." },
    AMOUNT: { description: "Standard deviations by which the largest amount exceeds the usual, as logarithms." },
    HOUR: { description: "Up to 1: the partner sends little or nothing at this hour of the day (UTC)." },
    RTP_HIGH: { description: "What players won, as a multiple of what they bet, in a batch of 200 bets or more." },
    RTP_LOW: { description: "What players bet, as a multiple of what they won, in a batch of 200 bets or more." },
    DUPLICATE_RATIO: { description: "Part of the partner's transactions lately that were known already, 0 to 1." },
  },
});

/** What a batch says in figures; amounts are compared in size alone, and money is never made of them. */
export interface BatchFigures {
  readonly items: number;
  /** The largest amount of each currency, as its decimal reads, where any is above zero. */
  readonly largest: readonly (readonly [currency: string, size: number])[];
  /** Bets in the currency that has the most of them, and what players bet and won in it. */
  readonly bets: number;
  readonly betSum: number;
  readonly winSum: number;
}

/** How far from what the rules say a person moved the thresholds of a partner; a row where somebody did. */
@Entity({ name: "threat_threshold" })
@ForeignKey(() => Tenant, ["tenantNo"], ["no"], { name: "fk_threat_threshold_tenant" })
export class ThreatThreshold {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  /** 0 for the tenant's own clients. */
  @PrimaryColumn(numberColumn)
  readonly partnerNo!: number;

  @PrimaryColumn({ type: "enum", enum: ThreatSubject })
  readonly subject!: ThreatSubject;

  /** 100 as the rules say; more is more patient. */
  @Column(numberColumn)
  readonly percent!: number;
}

/** What some process had learned of a partner a while ago; a hint for one that starts. */
@Entity({ name: "threat_profile" })
@ForeignKey(() => Partner, ["tenantNo", "partnerNo"], ["tenantNo", "no"], { name: "fk_threat_profile_partner" })
export class StoredProfile {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(numberColumn)
  readonly partnerNo!: number;

  @Column(instantColumn)
  readonly takenAt!: Date;

  /** JSON. */
  @Column(textColumn)
  readonly profile!: string;
}

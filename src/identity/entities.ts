import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import {
  codeColumn,
  hash16Column,
  idColumn,
  instantColumn,
  nameColumn,
  numberColumn,
  sha256Column,
  textColumn,
  wordColumn,
} from "../platform/columns.js";
import { Node } from "../platform/graphql.js";
import { Partner, Tenant } from "../tenancy/entities.js";

/** On whose behalf a client acts. */
export enum ClientKind {
  PARTNER = "PARTNER",
  TENANT = "TENANT",
  OPERATOR = "OPERATOR",
}

registerEnumType(ClientKind, {
  name: "ClientKind",
  description: "On whose behalf a client acts.",
  valuesConfig: {
    PARTNER: { description: "One partner: sees only what is that partner's." },
    TENANT: { description: "The tenant's administration." },
    OPERATOR: { description: "The platform: manages tenants, reads none of their money." },
  },
});

/** What a client's key is for; a key that encrypts never signs. */
export enum KeyPurpose {
  CLIENT_AUTHENTICATION = "CLIENT_AUTHENTICATION",
  BATCH_SIGNING = "BATCH_SIGNING",
  ENCRYPTION = "ENCRYPTION",
}

registerEnumType(KeyPurpose, {
  name: "KeyPurpose",
  description: "What a client's key is for.",
  valuesConfig: {
    CLIENT_AUTHENTICATION: { description: "Signs the assertions by which the client gets its access tokens." },
    BATCH_SIGNING: { description: "Signs batches, and what a partner says about statements." },
    ENCRYPTION: { description: "What we send may be encrypted to it; a key for this is for nothing else." },
  },
});

/** The purposes that a list names, which a space joins. */
export function purposesIn(list: string): KeyPurpose[] {
  const named = list.split(" ");
  return Object.values(KeyPurpose).filter((purpose) => named.includes(purpose));
}

/** Whether a key may be used. */
export enum KeyState {
  PENDING_APPROVAL = "PENDING_APPROVAL",
  ACTIVE = "ACTIVE",
  SUSPENDED = "SUSPENDED",
  EXPIRED = "EXPIRED",
  REVOKED = "REVOKED",
}

registerEnumType(KeyState, {
  name: "KeyState",
  description: "Whether a key may be used.",
  valuesConfig: {
    PENDING_APPROVAL: { description: "Registered; refused until a second person approves it." },
    ACTIVE: { description: "May be used for its purposes, from `notBefore` to `expiresAt`." },
    SUSPENDED: { description: "Refused until it is resumed." },
    EXPIRED: { description: "Refused since `expiresAt`; what it signed before stays verifiable." },
    REVOKED: { description: "Refused from the revocation on; what it signed before stays verifiable." },
  },
});

/** An OAuth client: a program that calls the API. */
@ObjectType({ implements: Node, description: "An OAuth client: a program that calls the API with `private_key_jwt`." })
@Entity({ name: "client" })
@Index("uq_client_id", ["id"], { unique: true })
@ForeignKey(() => Tenant, ["tenantId"], ["id"], { name: "fk_client_tenant" })
@ForeignKey(() => Partner, ["tenantId", "partnerId"], ["tenantId", "id"], { name: "fk_client_partner" })
export class Client {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `cli_`; the `client_id` of OAuth." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Field(() => ID, { nullable: true, description: "The partner it acts for; null for the tenant's own." })
  @Column({ ...idColumn, nullable: true })
  readonly partnerId!: string | null;

  @Field(() => ClientKind, { description: "On whose behalf it acts." })
  @Column({ type: "enum", enum: ClientKind })
  readonly kind!: ClientKind;

  @Field(() => String, { description: "For people." })
  @Column(nameColumn)
  readonly name!: string;

  /** Scopes joined by a space. */
  @Column({ ...codeColumn, length: 500 })
  readonly scopeList!: string;

  @Field(() => Boolean, {
    description: "Whether it is given access tokens bound to a key (DPoP, RFC 9449) and no others.",
  })
  @Column({ type: "boolean", default: false })
  readonly dpopBoundAccessTokens!: boolean;

  @Field(() => Date, { description: "When it was created." })
  @Column(instantColumn)
  readonly createdAt!: Date;

  @Field(() => [String], { description: "The scopes it may ask for." })
  get scopes(): string[] {
    return this.scopeList === "" ? [] : this.scopeList.split(" ");
  }
}

/** A public key of a client: authenticates it, signs its batches, or encrypts what is sent to it. */
@ObjectType({ implements: Node, description: "A public key of a client, and what it is for." })
@Entity({ name: "client_key" })
@Index("uq_client_key_kid", ["tenantId", "kid"], { unique: true })
@Index("uq_client_key_thumbprint", ["thumbprint"], { unique: true })
@Index("ix_client_key_expiry", ["expiresAt"])
@ForeignKey(() => Client, ["tenantId", "clientId"], ["tenantId", "id"], { name: "fk_client_key_client" })
export class ClientKey {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `key_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Field(() => ID, { description: "The client it belongs to." })
  @Column(idColumn)
  readonly clientId!: string;

  /** The client's partner; null for the tenant's own keys. */
  @Column({ ...idColumn, nullable: true })
  readonly partnerId!: string | null;

  @Field(() => String, { description: "Key id as JWS headers name it; unique within the tenant." })
  @Column({ ...codeColumn, length: 128 })
  readonly kid!: string;

  @Field(() => String, {
    description: "Algorithm: EdDSA, ES256, ES384 or PS256 (JWS); ECDH-ES, ECDH-ES+A256KW or RSA-OAEP-256 (JWE).",
  })
  @Column(wordColumn)
  readonly alg!: string;

  /** Purposes joined by a space; they never change. */
  @Column(codeColumn)
  readonly purposeList!: string;

  @Field(() => String, { description: "The public key as a JWK (RFC 7517)." })
  @Column(textColumn)
  readonly publicJwk!: string;

  /** JWK thumbprint (RFC 7638); nobody else may register the same key. */
  @Column(sha256Column)
  readonly thumbprint!: Buffer;

  @Field(() => KeyState, { description: "Whether it may be used." })
  @Column({ type: "enum", enum: KeyState, default: KeyState.ACTIVE })
  readonly state!: KeyState;

  @Field(() => Date, { description: "When it was registered." })
  @Column(instantColumn)
  readonly createdAt!: Date;

  @Field(() => Date, { nullable: true, description: "When it was revoked." })
  @Column({ ...instantColumn, nullable: true })
  readonly revokedAt!: Date | null;

  @Field(() => Date, { nullable: true, description: "Refused before this instant; null where there is no such bound." })
  @Column({ ...instantColumn, nullable: true })
  readonly notBefore!: Date | null;

  @Field(() => Date, { nullable: true, description: "Refused from this instant on; null where it does not expire." })
  @Column({ ...instantColumn, nullable: true })
  readonly expiresAt!: Date | null;

  /** The principal that registered it, and so may not approve it. */
  @Column(codeColumn)
  readonly registeredBy!: string;

  @Column({ ...codeColumn, nullable: true })
  readonly approvedBy!: string | null;

  @Field(() => Date, { nullable: true, description: "When a second person approved it; null where nobody had to." })
  @Column({ ...instantColumn, nullable: true })
  readonly approvedAt!: Date | null;

  @Field(() => ID, { nullable: true, description: "The key whose place it takes, where a rotation made it." })
  @Column({ ...idColumn, nullable: true })
  readonly replacesId!: string | null;

  /** How long the key that it replaces stays good once this one is; null where it replaces none. */
  @Column({ ...numberColumn, nullable: true })
  readonly overlapSeconds!: number | null;

  @Field(() => String, { nullable: true, description: "Why it was suspended or revoked." })
  @Column({ ...nameColumn, nullable: true })
  readonly stateReason!: string | null;

  @Field(() => Date, {
    nullable: true,
    description: "Since when somebody else may have used it; null where nothing is known of that.",
  })
  @Column({ ...instantColumn, nullable: true })
  readonly compromisedAt!: Date | null;

  @Field(() => Date, { nullable: true, description: "When it was last used, to about a minute; null for never." })
  @Column({ ...instantColumn, nullable: true })
  readonly lastUsedAt!: Date | null;

  @Field(() => [KeyPurpose], { description: "What it is for." })
  get purposes(): KeyPurpose[] {
    return purposesIn(this.purposeList);
  }
}

/** What a key of the platform is for. */
export enum PlatformKeyPurpose {
  /** Tokens, receipts, statements, checkpoints. */
  SIGNING = "SIGNING",
  /** Batches that arrive encrypted. */
  ENCRYPTION = "ENCRYPTION",
}

/** A key of the platform for one tenant. */
@Entity({ name: "platform_key" })
@Index("uq_platform_key_kid", ["kid"], { unique: true })
@ForeignKey(() => Tenant, ["tenantId"], ["id"], { name: "fk_platform_key_tenant" })
export class PlatformKey {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Column({ type: "enum", enum: PlatformKeyPurpose, default: PlatformKeyPurpose.SIGNING })
  readonly purpose!: PlatformKeyPurpose;

  @Column({ ...codeColumn, length: 128 })
  readonly kid!: string;

  @Column(textColumn)
  readonly publicJwk!: string;

  /** The private JWK under AES-256-GCM with the tenant's data key. */
  @Column({ type: "varbinary", length: 4096 })
  readonly privateJwkSealed!: Buffer;

  @Column(instantColumn)
  readonly createdAt!: Date;

  /** Published before it signs, so that whoever keeps the JWK Set for a while knows it by then; null for other keys. */
  @Column({ ...instantColumn, nullable: true })
  readonly signsFrom!: Date | null;

  /** From here on it only verifies, or opens what is on its way. */
  @Column({ ...instantColumn, nullable: true })
  readonly retiredAt!: Date | null;

  /** Since when somebody else may have used it; from the moment that this is known it signs nothing more. */
  @Column({ ...instantColumn, nullable: true })
  readonly compromisedAt!: Date | null;
}

/** A client assertion that was used; a second use is a replay (RFC 7523, section 3). */
@Entity({ name: "seen_assertion" })
@Index("ix_seen_assertion_expiry", ["expiresAt"])
export class SeenAssertion {
  @PrimaryColumn(idColumn)
  readonly clientId!: string;

  @PrimaryColumn(hash16Column)
  readonly jtiHash!: Buffer;

  @Column(idColumn)
  readonly tenantId!: string;

  @Column(instantColumn)
  readonly expiresAt!: Date;
}

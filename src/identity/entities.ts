import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import {
  codeColumn,
  hash16Column,
  idColumn,
  instantColumn,
  nameColumn,
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

/** Whether a key may be used. */
export enum KeyState {
  ACTIVE = "ACTIVE",
  REVOKED = "REVOKED",
}

registerEnumType(KeyState, {
  name: "KeyState",
  description: "Whether a key may be used.",
  valuesConfig: {
    ACTIVE: { description: "Signs and authenticates." },
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

/** A public key of a client: authenticates it and signs its batches. */
@ObjectType({ implements: Node, description: "A public key of a client; authenticates it and signs its batches." })
@Entity({ name: "client_key" })
@Index("uq_client_key_kid", ["tenantId", "kid"], { unique: true })
@Index("uq_client_key_thumbprint", ["thumbprint"], { unique: true })
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

  @Field(() => String, { description: "JWS algorithm: EdDSA, ES256, ES384 or PS256." })
  @Column(wordColumn)
  readonly alg!: string;

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
}

/** A signing key of the platform for one tenant: tokens, receipts, statements, checkpoints. */
@Entity({ name: "platform_key" })
@Index("uq_platform_key_kid", ["kid"], { unique: true })
@ForeignKey(() => Tenant, ["tenantId"], ["id"], { name: "fk_platform_key_tenant" })
export class PlatformKey {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Column({ ...codeColumn, length: 128 })
  readonly kid!: string;

  @Column(textColumn)
  readonly publicJwk!: string;

  /** The private JWK under AES-256-GCM with the master key. */
  @Column({ type: "varbinary", length: 512 })
  readonly privateJwkSealed!: Buffer;

  @Column(instantColumn)
  readonly createdAt!: Date;

  /** From here on it only verifies. */
  @Column({ ...instantColumn, nullable: true })
  readonly retiredAt!: Date | null;
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

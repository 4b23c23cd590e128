import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn, PrimaryGeneratedColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, nameColumn, numberColumn } from "../platform/columns.js";
import { CurrencyCode, Node } from "../platform/graphql.js";

/** What a partner is to its tenant. */
export enum PartnerKind {
  GAME_PROVIDER = "GAME_PROVIDER",
  AGGREGATOR = "AGGREGATOR",
  CREDIT_SUPPLIER = "CREDIT_SUPPLIER",
  AFFILIATE = "AFFILIATE",
}

registerEnumType(PartnerKind, {
  name: "PartnerKind",
  description: "What a partner is to its tenant.",
  valuesConfig: {
    GAME_PROVIDER: { description: "Supplies games and earns a royalty." },
    AGGREGATOR: { description: "Resells the games of many providers." },
    CREDIT_SUPPLIER: { description: "Sells prepaid credits." },
    AFFILIATE: {
      description: "Brings players and earns a share; its activity is signed by the tenant.",
    },
  },
});

/** An online entertainment platform that settles with its partners here. */
@ObjectType({
  implements: Node,
  description: "An online entertainment platform that settles with its partners here.",
})
@Entity({ name: "tenant" })
@Index("uq_tenant_id", ["id"], { unique: true })
export class Tenant {
  @PrimaryGeneratedColumn({ type: "int", unsigned: true })
  readonly no!: number;

  @Field(() => ID, { description: "Begins with `tnt_`." })
  @Column(idColumn)
  readonly id!: string;

  @Field(() => String, { description: "For people; 1–200 characters." })
  @Column(nameColumn)
  readonly name!: string;

  /** Key under which players' pseudonyms are hashed, sealed; its erasure makes them unlinkable. */
  @Column({ type: "varbinary", length: 128 })
  readonly playerKeySealed!: Buffer;

  /** When that key took the place of one that was erased; null where it is the first. */
  @Column({ ...instantColumn, nullable: true })
  readonly playerKeySince!: Date | null;

  /** Rises at every promotion or restore of the database, so that older hot copies lose. */
  @Column({ ...numberColumn, default: 1 })
  readonly ledgerEpoch!: number;

  @Field(() => Date, { description: "When it was created here." })
  @Column(instantColumn)
  readonly createdAt!: Date;
}

/** The key under which a tenant's secrets lie, wrapped in a master key. */
@Entity({ name: "data_key" })
@ForeignKey(() => Tenant, ["tenantId"], ["id"], { name: "fk_data_key_tenant" })
export class DataKey {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  /** Name of the master key. */
  @Column(codeColumn)
  readonly masterKey!: string;

  @Column({ type: "varbinary", length: 1_024 })
  readonly sealed!: Buffer;

  @Column(instantColumn)
  readonly wrappedAt!: Date;
}

/** Someone a tenant settles with. */
@ObjectType({
  implements: Node,
  description: "Someone a tenant settles with: a game provider, aggregator, credit supplier or affiliate.",
})
@Entity({ name: "partner" })
@Index("uq_partner_id", ["tenantId", "id"], { unique: true })
@Index("uq_partner_no", ["tenantNo", "no"], { unique: true })
@Index("uq_partner_code", ["tenantId", "code"], { unique: true })
@ForeignKey(() => Tenant, ["tenantId"], ["id"], { name: "fk_partner_tenant" })
export class Partner {
  @PrimaryGeneratedColumn({ type: "int", unsigned: true })
  readonly no!: number;

  @Column(idColumn)
  readonly tenantId!: string;

  @Column(numberColumn)
  readonly tenantNo!: number;

  @Field(() => ID, {
    description: "Begins with `ptn_`; the `iss` of the partner's batches.",
  })
  @Column(idColumn)
  readonly id!: string;

  @Field(() => String, {
    description: "Unique within the tenant; 1–64 of `[A-Za-z0-9._:-]`.",
  })
  @Column(codeColumn)
  readonly code!: string;

  @Field(() => String, { description: "For people; 1–200 characters." })
  @Column(nameColumn)
  readonly name!: string;

  @Field(() => PartnerKind, { description: "What it is to the tenant." })
  @Column({ type: "enum", enum: PartnerKind })
  readonly kind!: PartnerKind;

  @Field(() => String, {
    description: "IANA time zone in which its settlement days begin.",
  })
  @Column(codeColumn)
  readonly timezone!: string;

  /** Listed currencies, the settlement currency first, joined by a space. */
  @Column({ ...codeColumn, length: 255 })
  readonly currencyList!: string;

  /** The posting queue its batches wait in. */
  @Column({ type: "tinyint", unsigned: true })
  readonly postingPartition!: number;

  @Field(() => Date, { description: "When it was created here." })
  @Column(instantColumn)
  readonly createdAt!: Date;

  @Field(() => [CurrencyCode], {
    description: "Currencies it may send, the settlement currency first.",
  })
  get currencies(): string[] {
    return this.currencyList.split(" ");
  }
}

/** A site under a partner or tenant, as transactions name it. */
@ObjectType({
  description: "A site that transactions name; known from the first transaction that does.",
})
@Entity({ name: "brand" })
@Index("uq_brand_id", ["tenantNo", "id"], { unique: true })
@Index("uq_brand_code", ["tenantNo", "partnerNo", "code"], { unique: true })
@ForeignKey(() => Partner, ["tenantNo", "partnerNo"], ["tenantNo", "no"], {
  name: "fk_brand_partner",
})
export class Brand {
  @PrimaryGeneratedColumn({ type: "int", unsigned: true })
  readonly no!: number;

  @Column(numberColumn)
  readonly tenantNo!: number;

  @Column(numberColumn)
  readonly partnerNo!: number;

  @Field(() => ID, { description: "Begins with `brd_`." })
  @Column(idColumn)
  readonly id!: string;

  @Field(() => String, { description: "As transactions spell it." })
  @Column(codeColumn)
  readonly code!: string;

  @Field(() => String, {
    description: "For people; the code until somebody names it.",
  })
  @Column(nameColumn)
  readonly name!: string;
}

/** A game or service of a partner, as transactions name it. */
@ObjectType({
  description: "A game or service of a partner; known from the first transaction that names it.",
})
@Entity({ name: "product" })
@Index("uq_product_id", ["tenantNo", "id"], { unique: true })
@Index("uq_product_code", ["tenantNo", "partnerNo", "code"], { unique: true })
@ForeignKey(() => Partner, ["tenantNo", "partnerNo"], ["tenantNo", "no"], {
  name: "fk_product_partner",
})
export class Product {
  @PrimaryGeneratedColumn({ type: "int", unsigned: true })
  readonly no!: number;

  @Column(numberColumn)
  readonly tenantNo!: number;

  @Column(numberColumn)
  readonly partnerNo!: number;

  @Field(() => ID, { description: "Begins with `prt_`." })
  @Column(idColumn)
  readonly id!: string;

  @Field(() => String, { description: "As transactions spell it." })
  @Column(codeColumn)
  readonly code!: string;

  @Field(() => String, {
    description: "For people; the code until somebody names it.",
  })
  @Column(nameColumn)
  readonly name!: string;
}

import { Field, ObjectType } from "type-graphql";
import { Column, Entity, ForeignKey, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, nameColumn, sha256Column, textColumn } from "../../platform/columns.js";
import { Tenant } from "../../tenancy/entities.js";

/** A GraphQL document that a tenant registered, to be asked for by its hash. */
@ObjectType({ description: "A GraphQL document that the tenant registered, to be run by its hash." })
@Entity({ name: "trusted_document" })
@ForeignKey(() => Tenant, ["tenantId"], ["id"], { name: "fk_trusted_document_tenant" })
export class TrustedDocument {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  /** Of the text in UTF-8. */
  @PrimaryColumn(sha256Column)
  readonly hash!: Buffer;

  @Field(() => String, { description: "For people." })
  @Column(nameColumn)
  readonly name!: string;

  @Field(() => String, { description: "The document, byte for byte as it was hashed." })
  @Column(textColumn)
  readonly text!: string;

  @Field(() => String, { description: "Who registered it: a client id, or `shell`." })
  @Column(codeColumn)
  readonly registeredBy!: string;

  @Field(() => Date, { description: "When it was registered, the last time." })
  @Column(instantColumn)
  readonly registeredAt!: Date;

  @Field(() => Date, { nullable: true, description: "When it was withdrawn; null while it may be run." })
  @Column({ ...instantColumn, nullable: true })
  readonly withdrawnAt!: Date | null;

  @Field(() => String, { description: "SHA-256 of the text in hexadecimal, by which it is asked for." })
  get sha256(): string {
    return this.hash.toString("hex");
  }
}

import { Field, ID, ObjectType, registerEnumType } from "type-graphql";

/** What kind of pair an encryption key is. */
export enum EncryptionKeyKind {
  EC = "EC",
  RSA = "RSA",
}

registerEnumType(EncryptionKeyKind, {
  name: "EncryptionKeyKind",
  description: "What kind of pair an encryption key is.",
  valuesConfig: {
    EC: { description: "P-256, for `ECDH-ES` and `ECDH-ES+A256KW`." },
    RSA: { description: "RSA of 3072 bits, for `RSA-OAEP-256`." },
  },
});

/** A platform key for which a tenant's partners encrypt their batches, as they see it. */
@ObjectType({ description: "A key of the tenant's, for which partners encrypt what they send (JWE, RFC 7516)." })
export class EncryptionKey {
  @Field(() => ID, { description: "Begins with `key_`." })
  readonly id!: string;

  @Field(() => String, { description: "Key id for the header of a JWE: the key's thumbprint (RFC 7638)." })
  readonly kid!: string;

  @Field(() => EncryptionKeyKind, { description: "Which algorithms it is for." })
  readonly kind!: EncryptionKeyKind;

  @Field(() => String, { description: "The public key as a JWK (RFC 7517), `use: enc`." })
  readonly publicJwk!: string;

  @Field(() => Date, { description: "When it was made." })
  readonly createdAt!: Date;

  @Field(() => Date, {
    nullable: true,
    description: "When another took its place: encrypt for that one. Null while it is the newest of its kind.",
  })
  readonly retiredAt!: Date | null;

  @Field(() => Date, {
    nullable: true,
    description: "Until when it opens what was encrypted for it; then it is destroyed. Null until it is retired.",
  })
  readonly opensUntil!: Date | null;
}

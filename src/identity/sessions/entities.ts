import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, sha256Column } from "../../platform/columns.js";
import { User } from "../users/entities.js";

/** How a person signed in. */
export enum SignInMethod {
  PASSWORD = "PASSWORD",
  PROVIDER = "PROVIDER",
}

registerEnumType(SignInMethod, {
  name: "SignInMethod",
  description: "How a person signed in.",
  valuesConfig: {
    PASSWORD: { description: "By a password that Quittance keeps the hash of." },
    PROVIDER: { description: "By an OpenID provider." },
  },
});

/** A browser in which a person signed in. */
@ObjectType({ description: "A browser in which a person signed in." })
@Entity({ name: "user_session" })
@Index("uq_user_session_secret", ["secretHash"], { unique: true })
@Index("ix_user_session_user", ["tenantId", "userId", "endedAt"])
@ForeignKey(() => User, ["tenantId", "userId"], ["tenantId", "id"], { name: "fk_user_session_user" })
export class UserSession {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `ses_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Field(() => ID, { description: "Whose it is." })
  @Column(idColumn)
  readonly userId!: string;

  /** SHA-256 of what the cookie holds. */
  @Column(sha256Column)
  readonly secretHash!: Buffer;

  @Field(() => SignInMethod, { description: "How the person signed in." })
  @Column({ type: "enum", enum: SignInMethod })
  readonly method!: SignInMethod;

  @Field(() => String, { nullable: true, description: "The network address that it was started from." })
  @Column({ ...codeColumn, nullable: true })
  readonly address!: string | null;

  @Field(() => String, { description: "What the browser called itself, its first 200 characters." })
  @Column({ ...codeColumn, length: 200 })
  readonly agent!: string;

  @Field(() => Date, { description: "When the person signed in." })
  @Column(instantColumn)
  readonly startedAt!: Date;

  @Field(() => Date, { description: "When it was used last, to about a minute." })
  @Column(instantColumn)
  readonly usedAt!: Date;

  @Field(() => Date, { description: "When it ends at the latest; unused it ends before." })
  @Column(instantColumn)
  readonly endsAt!: Date;

  @Field(() => Date, { nullable: true, description: "When it was ended by somebody; null where it was not." })
  @Column({ ...instantColumn, nullable: true })
  readonly endedAt!: Date | null;
}

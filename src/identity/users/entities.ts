import { Field, ID, Int, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, nameColumn, numberColumn } from "../../platform/columns.js";
import { Node } from "../../platform/graphql.js";
import { Tenant } from "../../tenancy/entities.js";

/** What a person is there for: a named set of scopes. A closed list. */
export enum Role {
  ADMIN = "ADMIN",
  FINANCE_DRAFTER = "FINANCE_DRAFTER",
  FINANCE_APPROVER = "FINANCE_APPROVER",
  KEY_MANAGER = "KEY_MANAGER",
  AUDITOR = "AUDITOR",
  OPERATOR = "OPERATOR",
}

registerEnumType(Role, {
  name: "Role",
  description: "What a person is there for: a named set of scopes.",
  valuesConfig: {
    ADMIN: { description: "Runs the tenant: every scope that a tenant's people may hold." },
    FINANCE_DRAFTER: {
      description: "Writes contracts and settles: configs:draft, settlements:manage, payouts:manage, reads.",
    },
    FINANCE_APPROVER: {
      description: "Approves what another wrote: configs:approve, settlements:manage, payouts:manage, reads.",
    },
    KEY_MANAGER: { description: "Clients and their keys: clients:manage, keys:manage." },
    AUDITOR: { description: "Changes nothing: audit:read and the reads." },
    OPERATOR: { description: "Runs the installation; for people of no tenant." },
  },
});

/** Whether a person may sign in. */
export enum UserState {
  INVITED = "INVITED",
  ACTIVE = "ACTIVE",
  DISABLED = "DISABLED",
}

registerEnumType(UserState, {
  name: "UserState",
  description: "Whether a person may sign in.",
  valuesConfig: {
    INVITED: { description: "Has not taken the invitation up yet." },
    ACTIVE: { description: "Signs in." },
    DISABLED: { description: "Does not sign in any more, until invited again." },
  },
});

const longCode = { ...codeColumn, length: 255 } as const;

/** A person of a tenant, or of the installation. */
@ObjectType({ implements: Node, description: "A person: of a tenant's administration, or an operator." })
@Entity({ name: "user" })
@Index("uq_user_email", ["tenantId", "email"], { unique: true })
@Index("uq_user_subject", ["tenantId", "issuer", "subject"], { unique: true })
@ForeignKey(() => Tenant, ["tenantId"], ["id"], { name: "fk_user_tenant" })
export class User {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `usr_`; what acts name." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Field(() => String, { description: "Where the person is written to, in lower case; unique within the tenant." })
  @Column({ ...codeColumn, length: 254 })
  readonly email!: string;

  @Field(() => String, { description: "For people." })
  @Column(nameColumn)
  readonly name!: string;

  /** Roles joined by a space. */
  @Column({ ...codeColumn, length: 200 })
  readonly roleList!: string;

  @Field(() => UserState, { description: "Whether the person may sign in." })
  @Column({ type: "enum", enum: UserState, default: UserState.INVITED })
  readonly state!: UserState;

  /** As `passwords/service.ts` spells it; null where the person has none. */
  @Column({ ...codeColumn, length: 200, nullable: true })
  readonly passwordHash!: string | null;

  @Field(() => Int, { description: "Wrong passwords since the last right one, where the person never signed in." })
  @Column({ ...numberColumn, default: 0 })
  readonly failures!: number;

  @Field(() => Date, { nullable: true, description: "Until when no password is taken there, after too many wrong." })
  @Column({ ...instantColumn, nullable: true })
  readonly lockedUntil!: Date | null;

  @Field(() => Int, { description: "The same at browsers where the person has signed in, and in sessions." })
  @Column({ ...numberColumn, default: 0 })
  readonly knownFailures!: number;

  @Field(() => Date, { nullable: true, description: "Until when no password is taken there, either." })
  @Column({ ...instantColumn, nullable: true })
  readonly knownLockedUntil!: Date | null;

  @Field(() => Date, { nullable: true, description: "When the open invitation was made; null where none is open." })
  @Column({ ...instantColumn, nullable: true })
  readonly invitedAt!: Date | null;

  @Field(() => Date, { nullable: true, description: "Until when the open invitation may be taken up." })
  @Column({ ...instantColumn, nullable: true })
  readonly invitationEndsAt!: Date | null;

  @Field(() => String, { nullable: true, description: "The OpenID provider that vouches for the person." })
  @Column({ ...longCode, nullable: true })
  readonly issuer!: string | null;

  /** What that provider calls the person (`sub`). */
  @Column({ ...longCode, nullable: true })
  readonly subject!: string | null;

  @Field(() => String, { description: "Who made the account: an id, or `shell`." })
  @Column(codeColumn)
  readonly createdBy!: string;

  @Field(() => Date, { description: "When it was made." })
  @Column(instantColumn)
  readonly createdAt!: Date;

  @Field(() => Date, { nullable: true, description: "When the person signed in last." })
  @Column({ ...instantColumn, nullable: true })
  readonly signedInAt!: Date | null;
}

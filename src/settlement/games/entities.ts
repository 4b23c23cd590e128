import { Field, ID, ObjectType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, numberColumn } from "../../platform/columns.js";
import { Tenant } from "../../tenancy/entities.js";

/** What the tenant set for a game type or a game: a row each time, the last of which stands. */
@ObjectType("GameSettings", {
  description: "What the tenant set for a game type, or for a game of a partner. A later change makes new settings.",
})
@Entity({ name: "game_setting" })
@Index("uq_game_setting_id", ["tenantNo", "id"], { unique: true })
@Index("ix_game_setting_key", ["tenantNo", "partnerNo", "code", "setAt"])
@ForeignKey(() => Tenant, ["tenantNo"], ["no"], { name: "fk_game_setting_tenant" })
export class GameSetting {
  @PrimaryGeneratedColumn({ type: "int", unsigned: true })
  readonly no!: number;

  @Column(numberColumn)
  readonly tenantNo!: number;

  /** 0 for a game type. */
  @Column(numberColumn)
  readonly partnerNo!: number;

  @Field(() => ID, { description: "Begins with `gms_`." })
  @Column(idColumn)
  readonly id!: string;

  @Field(() => String, { description: "The game type, or the game's `product` as transactions spell it." })
  @Column(codeColumn)
  readonly code!: string;

  @Field(() => String, { nullable: true, description: "Games only: the type; null is `OTHER`." })
  @Column({ ...codeColumn, nullable: true })
  readonly category!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The group whose terms hold; empty for none, null as the type says.",
  })
  @Column({ ...codeColumn, name: "game_group", nullable: true })
  readonly group!: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: "Whether its bonus cost is deducted; null as the type says, which says so where it says nothing.",
  })
  @Column({ type: "boolean", nullable: true })
  readonly bonusCost!: boolean | null;

  @Column(codeColumn)
  readonly setBy!: string;

  @Field(() => Date, { description: "From when on it stands: periods that are closed later take it." })
  @Column(instantColumn)
  readonly setAt!: Date;

  @Column({ ...instantColumn, nullable: true })
  readonly supersededAt!: Date | null;
}

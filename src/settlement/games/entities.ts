import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, numberColumn } from "../../platform/columns.js";
import { Tenant } from "../../tenancy/entities.js";

/** Where settings of a game type or a game stand. */
export enum GameSettingsState {
  PENDING_APPROVAL = "PENDING_APPROVAL",
  ACTIVE = "ACTIVE",
  SUPERSEDED = "SUPERSEDED",
  REFUSED = "REFUSED",
}

registerEnumType(GameSettingsState, {
  name: "GameSettingsState",
  description: "Where settings of a game type or a game stand.",
  valuesConfig: {
    PENDING_APPROVAL: { description: "Proposed; a second person lets them stand or refuses them." },
    ACTIVE: { description: "They stand: periods that are closed from their instant on take them." },
    SUPERSEDED: { description: "Others took their place; periods that were closed before keep them." },
    REFUSED: { description: "They never stood." },
  },
});

/** What the tenant set for a game type or a game: a row each time, the last approved of which stands. */
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

  @Field(() => GameSettingsState, { description: "Where they stand." })
  @Column({ type: "enum", enum: GameSettingsState, default: GameSettingsState.PENDING_APPROVAL })
  readonly state!: GameSettingsState;

  @Column(codeColumn)
  readonly setBy!: string;

  @Field(() => Date, { description: "When they were proposed." })
  @Column(instantColumn)
  readonly proposedAt!: Date;

  /** Who let them stand or refused them; null before, and where one person sufficed. */
  @Column({ ...codeColumn, nullable: true })
  readonly decidedBy!: string | null;

  @Field(() => Date, {
    nullable: true,
    description: "From when on they stand: periods that are closed later take them; null where they never did.",
  })
  @Column({ ...instantColumn, nullable: true })
  readonly setAt!: Date | null;

  @Column({ ...instantColumn, nullable: true })
  readonly supersededAt!: Date | null;
}

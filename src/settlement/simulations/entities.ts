import { Field, ID, Int, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn, PrimaryGeneratedColumn } from "typeorm";
import {
  codeColumn,
  idColumn,
  instantColumn,
  numberColumn,
  textColumn,
  totalColumn,
  wordColumn,
} from "../../platform/columns.js";
import { Node } from "../../platform/graphql.js";
import { Tenant } from "../../tenancy/entities.js";

/** Where a simulation stands. */
export enum SimulationState {
  RUNNING = "RUNNING",
  DONE = "DONE",
  CANCELLED = "CANCELLED",
  FAILED = "FAILED",
}

registerEnumType(SimulationState, {
  name: "SimulationState",
  description: "Where a simulation stands.",
  valuesConfig: {
    RUNNING: { description: "At work, or waiting for a worker; its statements so far can be read." },
    DONE: { description: "All partners were replayed or refused." },
    CANCELLED: { description: "Stopped by somebody; the statements so far stay." },
    FAILED: { description: "Given up by reason of a fault of the server; start another." },
  },
});

/** What a difference cannot be exact about. */
export enum SimulationWarning {
  DRAWDOWNS_UNCOVERED = "DRAWDOWNS_UNCOVERED",
}

registerEnumType(SimulationWarning, {
  name: "SimulationWarning",
  description: "What a difference cannot be exact about.",
  valuesConfig: {
    DRAWDOWNS_UNCOVERED: {
      description:
        "Draw-downs at posting asked for more than the lots held, which the draft would have left otherwise: what it" +
        " would have drawn beyond is not known, so lines of credit and money may divide otherwise.",
    },
  },
});

/** A replay of settled periods under other terms. It reads settlement and writes only its own two tables. */
@ObjectType({
  implements: Node,
  description:
    "A replay of settled periods under other terms. It changes nothing of settlement and is kept for thirty days.",
})
@Entity({ name: "simulation" })
@Index("ix_simulation_state", ["state", "touchedAt"])
@ForeignKey(() => Tenant, ["tenantId"], ["id"], { name: "fk_simulation_tenant" })
export class Simulation {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `sim_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Column(numberColumn)
  readonly tenantNo!: number;

  @Field(() => SimulationState, { description: "Where it stands." })
  @Column({ type: "enum", enum: SimulationState, default: SimulationState.RUNNING })
  readonly state!: SimulationState;

  @Column(codeColumn)
  readonly requestedBy!: string;

  /** The partner of the client that asked for it: only that partner's clients and the tenant's see it. */
  @Column({ ...idColumn, nullable: true })
  readonly ownerPartnerId!: string | null;

  @Field(() => Date, { description: "When it was asked for." })
  @Column(instantColumn)
  readonly requestedAt!: Date;

  @Field(() => Date, { nullable: true, description: "When it ended." })
  @Column({ ...instantColumn, nullable: true })
  readonly finishedAt!: Date | null;

  /** Canonical JSON of the draft, the partners' ids in order, and the range. */
  @Column(textColumn)
  readonly plan!: string;

  @Field(() => Int, { description: "Partners to be replayed." })
  @Column(numberColumn)
  readonly partnersTotal!: number;

  @Field(() => Int, { description: "Partners replayed or refused so far." })
  @Column({ ...numberColumn, default: 0 })
  readonly partnersDone!: number;

  @Field(() => Int, { description: "Settled periods to be replayed." })
  @Column(numberColumn)
  readonly periodsTotal!: number;

  @Field(() => Int, { description: "Periods replayed so far." })
  @Column({ ...numberColumn, default: 0 })
  readonly periodsDone!: number;

  /** Canonical JSON of the partners that the draft could not be replayed for, and why. */
  @Column(textColumn)
  readonly refusals!: string;

  /** Who works on it: raised by each that takes it up, so that one who was left behind writes nothing more. */
  @Column({ ...numberColumn, default: 0 })
  readonly run!: number;

  /** The last sign of life. */
  @Column(instantColumn)
  readonly touchedAt!: Date;
}

/** What a simulation came to for a partner in a currency: sums over its periods so far. */
@ObjectType("PartnerDifference", {
  description: "What a simulation came to for one partner in one currency, over all its periods so far.",
})
export class SimulatedPartner {
  readonly partnerNo!: number;

  readonly currency!: string;

  readonly earnedBeforeMinor!: bigint;

  readonly earnedAfterMinor!: bigint;

  readonly payableBeforeMinor!: bigint;

  readonly payableAfterMinor!: bigint;

  @Field(() => [SimulationWarning], { description: "What of its statements cannot be exact; empty where all is." })
  readonly warnings!: readonly SimulationWarning[];
}

/** What one statement came to, and what it would have under the draft. */
@ObjectType({ description: "What one statement came to, and what it would have come to under the draft." })
@Entity({ name: "simulated_statement" })
@Index("ix_simulated_statement", ["tenantId", "simulationId", "no"])
@Index("ix_simulated_statement_partner", ["tenantId", "simulationId", "partnerNo", "currency"])
@ForeignKey(() => Simulation, ["tenantId", "simulationId"], ["tenantId", "id"], {
  name: "fk_simulated_statement_simulation",
  onDelete: "CASCADE",
})
export class SimulatedStatement {
  @PrimaryGeneratedColumn({ type: "bigint", unsigned: true })
  readonly no!: string;

  @Column(idColumn)
  readonly tenantId!: string;

  @Column(idColumn)
  readonly simulationId!: string;

  @Column(numberColumn)
  readonly partnerNo!: number;

  @Column(numberColumn)
  readonly periodNo!: number;

  @Column(wordColumn)
  readonly currency!: string;

  @Column(totalColumn)
  readonly earnedBeforeMinor!: bigint;

  @Column(totalColumn)
  readonly earnedAfterMinor!: bigint;

  @Column(totalColumn)
  readonly payableBeforeMinor!: bigint;

  @Column(totalColumn)
  readonly payableAfterMinor!: bigint;

  @Column(totalColumn)
  readonly closingBeforeMinor!: bigint;

  @Column(totalColumn)
  readonly closingAfterMinor!: bigint;

  /** Canonical JSON of every line, as before and as after. */
  @Column(textColumn)
  readonly lineDifferences!: string;

  /** Whether draw-downs of its period asked for credit of which it cannot be told what they would have taken. */
  @Column({ type: "boolean", default: false })
  readonly isUncovered!: boolean;
}

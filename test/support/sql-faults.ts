import { AbstractLogger } from "typeorm";
import { statementsIn } from "./statements.js";

/** An error as the database's driver brings it. */
export interface DriverFault {
  readonly errno: number;
  readonly sqlState: string;
}

/** Makes an App's statements fail where the driver would: give it as the App's `sqlLogger`. */
export class SqlFaults extends AbstractLogger {
  #next: { readonly start: string; readonly fault: DriverFault; times: number } | null = null;
  #struck = 0;
  #seen = 0;

  /** The next texts with a statement that begins like this fail whole, once unless told otherwise. */
  fail(start: string, fault: DriverFault, times = 1): void {
    this.#next = { start, fault, times };
  }

  /** How many statements were made to fail. */
  struck(): number {
    return this.#struck;
  }

  /** How many texts were sent, or were to be. */
  seen(): number {
    return this.#seen;
  }

  override logQuery(query: string): void {
    this.#seen += 1;
    if (this.#next === null) return;
    const { start, fault } = this.#next;
    if (!statementsIn(query).some((statement) => statement.startsWith(start))) return;
    this.#next.times -= 1;
    if (this.#next.times === 0) this.#next = null;
    this.#struck += 1;
    throw Object.assign(new Error("injected"), { driverError: fault });
  }

  protected override writeLog(): void {
    // faults are all it is for
  }
}

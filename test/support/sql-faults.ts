import { AbstractLogger } from "typeorm";

/** An error as the database's driver brings it. */
export interface DriverFault {
  readonly errno: number;
  readonly sqlState: string;
}

/** Makes an App's statements fail where the driver would: give it as the App's `sqlLogger`. */
export class SqlFaults extends AbstractLogger {
  #next: { readonly start: string; readonly fault: DriverFault } | null = null;

  /** The next statement that begins like this fails, once. */
  fail(start: string, fault: DriverFault): void {
    this.#next = { start, fault };
  }

  override logQuery(query: string): void {
    if (this.#next === null || !query.trimStart().startsWith(this.#next.start)) return;
    const { fault } = this.#next;
    this.#next = null;
    throw Object.assign(new Error("injected"), { driverError: fault });
  }

  protected override writeLog(): void {
    // faults are all it is for
  }
}

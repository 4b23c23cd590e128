import type { Logger } from "typeorm";

/** An error as the database's driver brings it. */
export interface DriverFault {
  readonly errno: number;
  readonly sqlState: string;
}

/** Makes an App's statements fail where the driver would: give it as the App's `sqlLogger`. */
export class SqlFaults implements Logger {
  #next: { readonly start: string; readonly fault: DriverFault } | null = null;

  /** The next statement that begins like this fails, once. */
  fail(start: string, fault: DriverFault): void {
    this.#next = { start, fault };
  }

  logQuery(query: string): void {
    if (this.#next === null || !query.trimStart().startsWith(this.#next.start)) return;
    const { fault } = this.#next;
    this.#next = null;
    throw Object.assign(new Error("injected"), { driverError: fault });
  }

  logQueryError(): void {
    return undefined;
  }

  logQuerySlow(): void {
    return undefined;
  }

  logSchemaBuild(): void {
    return undefined;
  }

  logMigration(): void {
    return undefined;
  }

  log(): void {
    return undefined;
  }
}

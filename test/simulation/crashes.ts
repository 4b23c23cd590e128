import "reflect-metadata";
import type { Socket } from "node:net";
import { AbstractLogger, type QueryRunner } from "typeorm";

/** What befalls a process at one of its statements. */
export type Crash = "throw" | "deadlock" | "kill";

/** As the driver brings them: a full table, which passes; a deadlock, which the server has rolled back. */
const FAULTS = {
  throw: { errno: 1114, sqlState: "HY000" },
  deadlock: { errno: 1213, sqlState: "40001" },
} as const;

/** Fells an App at its n-th statement from now, COMMIT counted; give it as the App's `sqlLogger`. */
export class Crashes extends AbstractLogger {
  /** How often each has struck. */
  readonly struck = new Map<Crash, number>();
  #next: { readonly crash: Crash; left: number } | null = null;

  /** At that statement, from 0, before it is sent. */
  plan(crash: Crash, statement: number): void {
    this.#next = { crash, left: statement };
  }

  /** Nothing more is to befall it. Answers whether something did. */
  stop(): boolean {
    const hasStruck = this.#next === null;
    this.#next = null;
    return hasStruck;
  }

  override logQuery(_query: string, _parameters: unknown, runner?: QueryRunner): void {
    if (this.#next === null || this.#next.left-- > 0) return;
    const { crash } = this.#next;
    this.#next = null;
    this.struck.set(crash, (this.struck.get(crash) ?? 0) + 1);
    if (crash !== "kill") throw Object.assign(new Error("injected"), { driverError: FAULTS[crash] });
    // The driver's own field; the connection dies under the statement as when the server is killed.
    const { databaseConnection } = runner as unknown as { databaseConnection: { stream: Socket } };
    databaseConnection.stream.destroy();
  }

  protected override writeLog(): void {
    // crashes are all it is for
  }
}

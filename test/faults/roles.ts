import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { systemClock } from "../../src/kernel/clock.js";
import type { Config } from "../../src/platform/config.js";
import { forkCommand } from "../support/roles.js";

const CLOCK = new URL("./clock.mjs", import.meta.url).href;

/** The processes of a service under test, by names such as `worker-1`, and who ended without being told to. */
export class Roles {
  readonly #running = new Map<string, ChildProcess>();
  readonly #told = new Set<ChildProcess>();
  /** Each end that nobody asked for; a fault outside never ends a role. */
  readonly crashes: string[] = [];

  constructor(
    readonly config: Config,
    readonly names: readonly string[],
  ) {}

  /** Starts every role that does not run, and waits until all work. */
  async start(): Promise<void> {
    const missing = this.names.filter((name) => !this.#running.has(name));
    await Promise.all(missing.map((name) => this.#startOne(name)));
  }

  /** The names of one kind of role. */
  of(kind: string): string[] {
    return this.names.filter((name) => name.startsWith(kind));
  }

  child(name: string): ChildProcess {
    const child = this.#running.get(name);
    if (child === undefined) throw new Error(`${name} does not run`);
    return child;
  }

  /** kill -9; answers the signal that ended it. */
  async kill(name: string): Promise<NodeJS.Signals | null> {
    const child = this.child(name);
    this.#told.add(child);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    return child.signalCode;
  }

  /** SIGTERM; answers the exit code, 0 when it finished what was under way. */
  async stop(name: string): Promise<number | null> {
    const child = this.child(name);
    this.#told.add(child);
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
    return child.exitCode;
  }

  /** Sets a role's clock off by so much. Answers how far off it says that it is. */
  async setClock(name: string, offsetMs: number): Promise<number> {
    const child = this.child(name);
    const told = once(child, "message");
    child.send({ clockOffsetMs: offsetMs });
    const [{ clockMs }] = await told;
    return clockMs - systemClock.now().getTime();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.kill(name)));
  }

  async #startOne(name: string): Promise<void> {
    const role = name.replace(/-\d+$/, "");
    const args = role === "api" ? ["--port", String(this.config.port)] : [];
    const child = forkCommand({ ...this.config, processName: name }, [role, ...args], ["--import", CLOCK]);
    let said = "";
    for (const output of [child.stdout, child.stderr]) {
      output?.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-4_000);
      });
    }
    this.#running.set(name, child);
    child.once("exit", (code, signal) => {
      if (this.#running.get(name) === child) this.#running.delete(name);
      if (!this.#told.has(child)) this.crashes.push(`${name} ended with ${code ?? signal}: ${said}`);
    });
    await Promise.race([once(child, "message"), once(child, "exit")]);
  }
}

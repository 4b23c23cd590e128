import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { parentPort, Worker } from "node:worker_threads";
import { assert, present } from "../kernel/assert.js";
import { CodedError, codedError, type RefusalRecord, refusalRecord } from "../kernel/errors.js";

/** A core is left to the event loop, where there are two. */
const THREADS_MAX = Math.min(Math.max(availableParallelism() - 1, 1), 4);
/** A thread that had nothing to do for so long is ended; the next task starts another. */
const IDLE_MS = 60_000;

/** A task that waits or is done, and who asked. */
interface Asked<I, O> {
  readonly input: I;
  resolve(output: O): void;
  reject(error: unknown): void;
}

type Answer<O> = { readonly output: O } | { readonly refusal: RefusalRecord } | { readonly error: unknown };

/**
 * Threads beside the event loop, all for one kind of task: started when first needed, as many as cores allow, each with
 * one task at a time. Plain data goes in and comes out; bytes in shared memory are not copied.
 */
export class Threads<I, O> {
  readonly #waiting: Asked<I, O>[] = [];
  readonly #busy = new Map<Worker, Asked<I, O>>();
  /** Each with what will end it. */
  readonly #idle = new Map<Worker, NodeJS.Timeout>();

  /** For a module that calls `serveTasks`; no more than so many tasks may wait. */
  constructor(
    readonly module: URL,
    readonly waitingMax: number,
  ) {}

  /** Whether no more may wait; to be asked before `ask`. */
  get isFull(): boolean {
    return this.#waiting.length >= this.waitingMax;
  }

  /** Does a task. What refuses it is thrown here as it was there; a thread that dies fails its task alone. */
  ask(input: I): Promise<O> {
    assert(!this.isFull, "one more may wait");
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#busy.size === THREADS_MAX) return;
    const asked = this.#waiting.shift();
    if (asked === undefined) return;
    const worker = this.#wake() ?? this.#open();
    this.#busy.set(worker, asked);
    worker.postMessage(asked.input);
  }

  /** Whoever had a task last, so that the others end. */
  #wake(): Worker | null {
    const last = [...this.#idle].at(-1);
    if (last === undefined) return null;
    const [worker, end] = last;
    clearTimeout(end);
    this.#idle.delete(worker);
    worker.ref();
    return worker;
  }

  #open(): Worker {
    const worker = openWorker(this.module);
    worker.on("message", (answer: Answer<O>) => {
      const asked = this.#free(worker);
      this.#rest(worker);
      if ("output" in answer) asked?.resolve(answer.output);
      else asked?.reject("refusal" in answer ? codedError(answer.refusal) : answer.error);
    });
    worker.on("error", (error) => this.#free(worker)?.reject(error)); // its end follows
    worker.once("exit", (code) => {
      clearTimeout(this.#idle.get(worker));
      this.#idle.delete(worker);
      this.#free(worker)?.reject(new Error(`the thread ended with ${code}`));
    });
    return worker;
  }

  #free(worker: Worker): Asked<I, O> | undefined {
    const asked = this.#busy.get(worker);
    this.#busy.delete(worker);
    setImmediate(() => this.#next());
    return asked;
  }

  /** At rest it keeps no process alive. */
  #rest(worker: Worker): void {
    worker.unref();
    this.#idle.set(worker, setTimeout(() => void worker.terminate(), IDLE_MS).unref());
  }
}

function openWorker(module: URL): Worker {
  if (extname(module.pathname) !== ".ts") return new Worker(module, { execArgv: [] });
  const loaded = `import("tsx/esm/api").then((tsx) => { tsx.register(); return import("${module.href}"); });`;
  return new Worker(loaded, { execArgv: [], eval: true }); // not compiled, as in tests
}

/** A text in UTF-8 in memory that threads see, so that it is copied once. */
export function sharedText(text: string): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(Buffer.byteLength(text));
  Buffer.from(shared).write(text);
  return shared;
}

/** In the thread's own module: does whatever is asked. */
export function serveTasks<I, O>(work: (input: I) => O | Promise<O>): void {
  const port = present(parentPort, "the port of a thread");
  port.on("message", (input: I) => void answerTo(work, input).then((answer) => port.postMessage(answer)));
}

async function answerTo<I, O>(work: (input: I) => O | Promise<O>, input: I): Promise<Answer<O>> {
  try {
    return { output: await work(input) };
  } catch (error) {
    return error instanceof CodedError ? { refusal: refusalRecord(error) } : { error };
  }
}

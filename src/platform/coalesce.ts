import type { App } from "./app.js";
import { perApp } from "./per-app.js";

/** Does the work for several at once; answers in their order, an error for who failed alone. Throws for all of them. */
export type SharedWork<I, O> = (inputs: readonly I[]) => Promise<readonly (O | Error)[]>;

/** How much goes together. */
export interface SharedLimits<I> {
  /** The most inputs of one go. */
  readonly inputsMax: number;
  /** How many goes may be under way; those who come meanwhile share the next. */
  readonly atOnce: number;
  /** After a go of several, so long others are waited for before the next; who comes alone waits for nobody. */
  readonly lingerMs?: number;
  /** What an input weighs, and the most that one go takes of it; one input is always taken. */
  readonly weightOf?: (input: I) => number;
  readonly weightMax?: number;
}

/** What shares statements on the way in waits so long: who is handed over at one instant begins within it. */
export const LINGER_MS = 2;

interface Call<I, O> {
  readonly input: I;
  resolve(output: O): void;
  reject(error: unknown): void;
}

/**
 * Joins calls as a database joins commits: one that finds nothing under way goes at once, or lingers where several have
 * just gone; those who come while work is under way share the next go. The busier it is, the more share, and the less
 * each costs.
 */
export function coalesced<I, O>(work: SharedWork<I, O>, limits: SharedLimits<I>): (input: I) => Promise<O> {
  const waiting: Call<I, O>[] = [];
  let [underWay, isBusy, isLingering] = [0, false, false];
  const start = () => {
    isLingering = false;
    while (underWay < limits.atOnce && waiting.length > 0) void go(waiting.splice(0, countOf(waiting, limits)));
  };
  const go = async (calls: readonly Call<I, O>[]) => {
    underWay += 1;
    isBusy = calls.length > 1;
    try {
      const outputs = await work(calls.map(({ input }) => input));
      calls.forEach((call, index) => {
        const output = outputs[index];
        if (output === undefined || output instanceof Error) call.reject(output ?? new Error("nothing was answered"));
        else call.resolve(output);
      });
    } catch (error) {
      for (const call of calls) call.reject(error);
    } finally {
      underWay -= 1;
      start();
    }
  };
  return (input) =>
    new Promise((resolve, reject) => {
      waiting.push({ input, resolve, reject });
      if (limits.lingerMs === undefined || !isBusy) queueMicrotask(start);
      else if (!isLingering) {
        isLingering = true;
        setTimeout(start, limits.lingerMs);
      }
    });
}

/** `coalesced` for every tenant of a process apart: no statement is shared by two tenants. */
export function coalescedPerTenant<I, O>(
  work: (app: App, tenantNo: number, inputs: readonly I[]) => Promise<readonly (O | Error)[]>,
  limits: SharedLimits<I>,
): (app: App, tenantNo: number, input: I) => Promise<O> {
  const shared = perApp(() => new Map<number, (input: I) => Promise<O>>());
  return (app, tenantNo, input) => {
    const all = shared(app);
    const known = all.get(tenantNo) ?? coalesced((inputs: readonly I[]) => work(app, tenantNo, inputs), limits);
    all.set(tenantNo, known);
    return known(input);
  };
}

function countOf<I>(waiting: readonly { readonly input: I }[], limits: SharedLimits<I>): number {
  const { inputsMax, weightOf = () => 0, weightMax = 0 } = limits;
  let weight = 0;
  const over = waiting.slice(0, inputsMax).findIndex(({ input }, index) => {
    weight += weightOf(input);
    return index > 0 && weight > weightMax;
  });
  return over < 0 ? Math.min(waiting.length, inputsMax) : over;
}

import { parseArgs } from "node:util";
import type { Benchmark, Sizes } from "./benchmark.js";

/** What the command line asks for. */
export interface Options {
  readonly chosen: readonly Benchmark[];
  readonly isJson: boolean;
  readonly sizes: Sizes;
}

/** How the command is used, and whether that was asked for or said because something is wrong. */
export interface Usage {
  readonly usage: string;
  readonly isAsked: boolean;
}

const MINUTES = 10;

/** What the command line asks for. */
export function optionsOf(args: readonly string[], benchmarks: readonly Benchmark[]): Options | Usage {
  const known = benchmarks.map(({ name }) => name);
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...{ only: { type: "string" }, all: { type: "boolean", default: false } },
        ...{ json: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
        ...{ runs: { type: "string" }, rows: { type: "string" }, minutes: { type: "string" } },
      },
    });
    if (values.help) return { usage: usageOf(benchmarks), isAsked: true };
    const only = values.only?.split(",");
    const unknown = only?.filter((name) => !known.includes(name)) ?? [];
    if (unknown.length > 0) throw new Error(`There is no benchmark ${unknown.join(", ")}.`);
    return {
      chosen: benchmarks.filter(({ name, isExtra }) => only?.includes(name) ?? (values.all || !isExtra)),
      isJson: values.json,
      sizes: {
        runs: count("runs", values.runs),
        rows: count("rows", values.rows),
        minutes: count("minutes", values.minutes) ?? MINUTES,
      },
    };
  } catch (error) {
    const wrong = error instanceof Error ? error.message : String(error);
    return { usage: `${wrong}\n\n${usageOf(benchmarks)}`, isAsked: false };
  }
}

function usageOf(benchmarks: readonly Benchmark[]): string {
  const named = (isExtra: boolean) => benchmarks.filter((each) => each.isExtra === isExtra).map(({ name }) => name);
  return [
    "Usage: npm run bench -- [options]",
    "",
    `  --only <names>   some of ${named(false).join(",")} or, only when named, ${named(true).join(",")}`,
    "  --all            every one of them",
    "  --json           print one JSON document",
    "  --runs <n>       measure each so often (soak: 1, the others: 3) and take the median",
    "  --rows <n>       stored transactions of growth (20000000) and of a large period of close (10000000)",
    `  --minutes <n>    how long soak takes (${MINUTES})`,
  ].join("\n");
}

/** A number above zero, or null where none is given. */
function count(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new Error(`--${name} is a number above zero, not ${text}.`);
  return value;
}

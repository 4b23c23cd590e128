/**
 * `npm run bench [-- --only ingest,query] [--json]`: measures what docs/performance.md describes, on servers and
 * processes of its own, and prints a table. Progress goes to standard error. The figures decide nothing here: the exit
 * code is 0 whatever they are.
 */
import { parseArgs } from "node:util";
import type { Benchmark, LoneBenchmark, Sample, StagedBenchmark } from "./benchmark.js";
import { type Cleanup, Interrupted, interruption, openCleanup } from "./cleanup.js";
import { ingest } from "./ingest.js";
import { type Installation, removeLeftovers, startInstallation } from "./installation.js";
import { describeMachine, type Machine } from "./machine.js";
import { createPartners } from "./partners.js";
import { query } from "./query.js";
import { figure, type Row, rowOf, tableText } from "./report.js";
import { start } from "./start.js";
import { submit } from "./submit.js";

/** In the order of the table. */
const BENCHMARKS: readonly Benchmark[] = [ingest, submit, query, start];
const RUNS = 3;
const [FAILED, MISUSED, INTERRUPTED] = [1, 2, 130];

interface Options {
  readonly chosen: readonly Benchmark[];
  readonly isJson: boolean;
}

process.exit(await main());

async function main(): Promise<number> {
  const options = optionsOf(process.argv.slice(2));
  if (typeof options === "string") {
    say(options);
    return MISUSED;
  }
  const cleanup = openCleanup(say);
  try {
    const { machine, rows } = await Promise.race([measureAll(options.chosen, cleanup), interruption()]);
    console.log(options.isJson ? JSON.stringify({ machine, rows }) : tableText(machine, rows));
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return INTERRUPTED;
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return FAILED;
  } finally {
    await cleanup.end();
  }
}

/** What the command line asks for, or what is wrong with it. */
function optionsOf(args: readonly string[]): Options | string {
  const known = BENCHMARKS.map(({ name }) => name);
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { only: { type: "string" }, json: { type: "boolean", default: false } },
    });
    const only = values.only?.split(",") ?? known;
    const unknown = only.filter((name) => !known.includes(name));
    if (unknown.length > 0) return `There is no benchmark ${unknown.join(", ")}; there are ${known.join(", ")}.`;
    return { chosen: BENCHMARKS.filter(({ name }) => only.includes(name)), isJson: values.json };
  } catch (error) {
    const usage = `Usage: npm run bench [-- --only ${known.join(",")}] [--json]`;
    return `${error instanceof Error ? error.message : String(error)}\n${usage}`;
  }
}

interface Report {
  readonly machine: Machine;
  readonly rows: readonly Row[];
}

async function measureAll(chosen: readonly Benchmark[], cleanup: Cleanup): Promise<Report> {
  await removeLeftovers();
  const rows = new Map<Benchmark, Row>();
  const staged = chosen.filter((benchmark) => benchmark.isStaged);
  let machine: Machine | null = null;
  if (staged.length > 0) {
    say("starting an installation");
    const installation = await startInstallation(cleanup);
    machine = await describeMachine(installation);
    for (const [benchmark, row] of await measureStaged(staged, installation, cleanup)) rows.set(benchmark, row);
    await cleanup.now();
  }
  for (const benchmark of chosen) if (!benchmark.isStaged) rows.set(benchmark, await measureLone(benchmark, cleanup));
  return {
    machine: machine ?? (await describeMachine(null)),
    rows: chosen.flatMap((benchmark) => rows.get(benchmark) ?? []),
  };
}

async function measureStaged(
  benchmarks: readonly StagedBenchmark[],
  installation: Installation,
  cleanup: Cleanup,
): Promise<Map<Benchmark, Row>> {
  const rows = new Map<Benchmark, Row>();
  const partners = await createPartners(installation);
  for (const benchmark of benchmarks) {
    say(`${benchmark.name}: getting ready`);
    const measure = await benchmark.prepare({ installation, partners, cleanup });
    rows.set(benchmark, await measureRuns(benchmark, measure));
  }
  return rows;
}

function measureLone(benchmark: LoneBenchmark, cleanup: Cleanup): Promise<Row> {
  return measureRuns(benchmark, () => benchmark.run(cleanup));
}

async function measureRuns(benchmark: Benchmark, measure: (run: number) => Promise<Sample>): Promise<Row> {
  const samples: Sample[] = [];
  for (let run = 1; run <= RUNS; run++) {
    const sample = await measure(run);
    samples.push(sample);
    const beside = sample.limit === null ? "" : `, limit ${figure(sample.limit)}`;
    say(`${benchmark.name} ${run}/${RUNS}: ${figure(sample.value)} ${benchmark.unit}${beside}`);
  }
  return rowOf(benchmark, samples);
}

function say(line: string): void {
  console.error(line);
}

/**
 * `npm run bench [-- --only ingest,query] [--all] [--json]`: measures what docs/performance.md describes, on servers
 * and processes of its own, and prints a table. Progress goes to standard error. The figures decide nothing here: the
 * exit code is 0 whatever they are.
 */
import { balance } from "./balance.js";
import type { Benchmark, LoneBenchmark, Sample, Sizes, StagedBenchmark } from "./benchmark.js";
import { type Cleanup, Interrupted, interruption, openCleanup } from "./cleanup.js";
import { close } from "./close.js";
import { growth } from "./growth.js";
import { hostile } from "./hostile.js";
import { ingest } from "./ingest.js";
import { removeLeftovers, startInstallation } from "./installation.js";
import { large } from "./large.js";
import { describeMachine, type Machine } from "./machine.js";
import { type Options, optionsOf } from "./options.js";
import { overload } from "./overload.js";
import { createPartners } from "./partners.js";
import { query } from "./query.js";
import { figure, type Row, rowOf, tableText } from "./report.js";
import { soak } from "./soak.js";
import { start } from "./start.js";
import { submit } from "./submit.js";
import { tokens } from "./tokens.js";

/** In the order of the table. */
const BENCHMARKS: readonly Benchmark[] = [
  ingest,
  growth,
  submit,
  large,
  query,
  tokens,
  balance,
  hostile,
  close,
  start,
  overload,
  soak,
];
const [FAILED, MISUSED, INTERRUPTED] = [1, 2, 130];

process.exit(await main());

async function main(): Promise<number> {
  const options = optionsOf(process.argv.slice(2), BENCHMARKS);
  if ("usage" in options) {
    say(options.usage);
    return options.isAsked ? 0 : MISUSED;
  }
  const cleanup = openCleanup(say);
  try {
    const { machine, rows } = await Promise.race([measureAll(options, cleanup), interruption()]);
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

interface Report {
  readonly machine: Machine;
  readonly rows: readonly Row[];
}

async function measureAll({ chosen, sizes }: Options, cleanup: Cleanup): Promise<Report> {
  await removeLeftovers();
  const rows = new Map<Benchmark, Row>();
  const machines: Machine[] = [];
  for (const together of stagesOf(chosen)) {
    say(`starting an installation for ${together.map(({ name }) => name).join(", ")}`);
    const installation = await startInstallation(cleanup);
    machines.push(await describeMachine(installation));
    const partners = await createPartners(installation);
    for (const benchmark of together) {
      say(`${benchmark.name}: getting ready`);
      const measure = await benchmark.prepare({ installation, partners, cleanup, sizes, say });
      rows.set(benchmark, await measureRuns(benchmark, sizes, measure));
    }
    await cleanup.now();
  }
  for (const benchmark of chosen) {
    if (!benchmark.isStaged) rows.set(benchmark, await measureLone(benchmark, sizes, cleanup));
  }
  return {
    machine: machines[0] ?? (await describeMachine(null)),
    rows: chosen.flatMap((benchmark) => rows.get(benchmark) ?? []),
  };
}

/** The benchmarks that share an installation, and each that wants its own. */
function stagesOf(chosen: readonly Benchmark[]): StagedBenchmark[][] {
  const staged = chosen.filter((benchmark) => benchmark.isStaged);
  const shared = staged.filter(({ isAlone }) => !isAlone);
  const alone = staged.filter(({ isAlone }) => isAlone).map((benchmark) => [benchmark]);
  return shared.length === 0 ? alone : [shared, ...alone];
}

function measureLone(benchmark: LoneBenchmark, sizes: Sizes, cleanup: Cleanup): Promise<Row> {
  return measureRuns(benchmark, sizes, () => benchmark.run(cleanup));
}

async function measureRuns(
  benchmark: Benchmark,
  sizes: Sizes,
  measure: (run: number) => Promise<Sample>,
): Promise<Row> {
  const samples: Sample[] = [];
  const runs = sizes.runs ?? benchmark.runs;
  for (let run = 1; run <= runs; run++) {
    const sample = await measure(run);
    samples.push(sample);
    const beside = sample.limit === null ? "" : `, limit ${figure(sample.limit)}`;
    say(`${benchmark.name} ${run}/${runs}: ${figure(sample.value)} ${benchmark.unit}${beside}`);
  }
  return rowOf(benchmark, samples);
}

function say(line: string): void {
  console.error(line);
}

import type { Benchmark, Remark, Sample, Target } from "./benchmark.js";
import { median } from "./benchmark.js";
import type { Machine } from "./machine.js";

/** One row of the answer; the figures are medians of the runs. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** In the same unit; null where the value stands by itself. */
  readonly limit: number | null;
  readonly ratio: number | null;
  readonly must: string;
  readonly goal: string;
  readonly runs: readonly Sample[];
}

const COLUMNS = ["what", "value", "limit", "ratio", "must", "goal", "runs"];
const TEXT_COLUMNS = ["what", "runs"];

/** What the runs of a benchmark come to. */
export function rowOf({ name, unit, target }: Benchmark, runs: readonly Sample[]): Row {
  const value = median(runs.map((run) => run.value));
  const limits = runs.flatMap(({ limit }) => (limit === null ? [] : [limit]));
  const limit = limits.length === 0 ? null : median(limits);
  const ratio = limit === null ? null : rounded(value / limit);
  return {
    ...{ name, value: rounded(value), unit, limit: limit === null ? null : rounded(limit), ratio },
    ...{ must: bound(target, target.must, unit), goal: bound(target, target.goal, unit) },
    runs: runs.map(({ value: each, limit: own, ...rest }) => {
      return { value: rounded(each), limit: own === null ? null : rounded(own), ...rest };
    }),
  };
}

/** A measured number as people read it, four digits of it. */
export function figure(value: number): string {
  return value >= 1_000 ? Math.round(rounded(value)).toLocaleString("en-US") : String(rounded(value));
}

/** The table for people, with the machine above it. */
export function tableText(machine: Machine, rows: readonly Row[]): string {
  const { cpu, cores, memoryGib, os, node, mariadb, redis, settings } = machine;
  const servers = mariadb === null ? [] : [`MariaDB ${mariadb}, Redis ${redis ?? "unknown"}`];
  const cells = rows.map((row) => ({
    what: row.name,
    value: `${figure(row.value)} ${row.unit}`,
    limit: row.limit === null ? "" : figure(row.limit),
    ratio: row.ratio === null ? "" : row.ratio.toFixed(2),
    ...{ must: row.must, goal: row.goal },
    runs: row.runs.map(({ value, limit }) => figure(value) + (limit === null ? "" : ` : ${figure(limit)}`)).join(", "),
  }));
  return [
    `${cpu}, ${cores} cores, ${memoryGib} GiB, ${os}, Node ${node}`,
    ...servers,
    ...Object.entries(settings).map(([name, value]) => `  ${name} = ${value}`),
    "",
    ...lines([Object.fromEntries(COLUMNS.map((name) => [name, name])), ...cells]),
    ...rows.flatMap(remarkLines),
  ].join("\n");
}

/** What was told beside the values, a line for each run and for each group. */
function remarkLines({ name, runs }: Row): string[] {
  const told = runs.flatMap(({ remarks }, i) => {
    const entries = Object.entries(remarks ?? {});
    const single = entries.filter(([, remark]) => typeof remark !== "object");
    const groups = entries.filter(([, remark]) => typeof remark === "object");
    if (entries.length === 0) return [];
    return [
      `${name} ${i + 1}: ${single.map(([key, remark]) => `${key} ${remarkText(remark)}`).join(", ")}`,
      ...groups.map(([key, remark]) => `  ${key}: ${remarkText(remark)}`),
    ];
  });
  return told.length === 0 ? [] : ["", ...told];
}

function remarkText(remark: Remark): string {
  if (typeof remark === "boolean") return remark ? "yes" : "no";
  if (typeof remark === "number") return figure(remark);
  return Object.entries(remark)
    .map(([key, each]) => `${key} ${remarkText(each)}`)
    .join(", ");
}

function lines(cells: readonly Readonly<Record<string, string>>[]): string[] {
  const widths = COLUMNS.map((name) => Math.max(...cells.map((cell) => cell[name]?.length ?? 0)));
  return cells.map((cell) =>
    COLUMNS.map((name, i) => {
      const [text, width] = [cell[name] ?? "", widths[i] ?? 0];
      return TEXT_COLUMNS.includes(name) ? text.padEnd(width) : text.padStart(width);
    })
      .join("  ")
      .trimEnd(),
  );
}

function bound({ of }: Target, value: number, unit: string): string {
  if (of === "value") return `≤ ${value} ${unit.split(" ")[0]}`;
  return of === "ratio" ? `≥ ${value}` : `≤ ${value}`;
}

/** Four digits say all that such a measurement can. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

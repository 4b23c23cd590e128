import { setTimeout as sleep } from "node:timers/promises";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** What a gauge stands at, for one set of labels; labels never hold ids, so that they stay few. */
export interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A gauge by its name, what it tells in words, and the labels that its readings have. */
export interface GaugeKind {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

/** What this process counts, in Prometheus' words. */
export interface Metrics {
  readonly registry: Registry;
  /** Counts one of something: `count("batches_accepted")` adds to `quittance_batches_accepted_total`. */
  count(name: string, labels?: Readonly<Record<string, string>>, by?: number): void;
  /** Records a duration in seconds under `quittance_<name>_seconds`. */
  time(name: string, seconds: number, labels?: Readonly<Record<string, string>>): void;
  /**
   * Tells under `quittance_<name>` what is read whenever somebody asks for the metrics. Where that fails, or is late,
   * nothing is told for it, and it is counted.
   */
  gauge(kind: GaugeKind, read: () => readonly Reading[] | Promise<readonly Reading[]>): void;
}

const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

const READ_MS_MAX = 2_000;

/** A process's own registry, with Node's default figures in it. */
export function openMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  const metrics: Metrics = {
    registry,
    count(name, labels = {}, by = 1) {
      let counter = counters.get(name);
      if (counter === undefined) {
        const labelNames = Object.keys(labels);
        counter = new Counter({
          name: `quittance_${name}_total`,
          help: name.replaceAll("_", " "),
          labelNames,
          registers: [registry],
        });
        counters.set(name, counter);
      }
      counter.inc(labels, by);
    },
    time(name, seconds, labels = {}) {
      let histogram = histograms.get(name);
      if (histogram === undefined) {
        const options = {
          name: `quittance_${name}_seconds`,
          help: `${name.replaceAll("_", " ")} in seconds`,
          buckets: BUCKETS_SECONDS,
        };
        histogram = new Histogram({
          ...options,
          labelNames: Object.keys(labels),
          registers: [registry],
        });
        histograms.set(name, histogram);
      }
      histogram.observe(labels, seconds);
    },
    gauge({ name, help, labelNames = [] }, read) {
      const gauge = new Gauge({
        name: `quittance_${name}`,
        help,
        labelNames: [...labelNames],
        registers: [registry],
        async collect() {
          gauge.reset();
          if (labelNames.length === 0) gauge.remove(); // a reset one would say 0
          try {
            for (const { labels, value } of await inTime(read)) gauge.set(labels, value);
          } catch {
            metrics.count("gauge_failures", { gauge: name }); // and whoever asks is told all the rest
          }
        },
      });
    },
  };
  return metrics;
}

/** What is read, unless it takes too long. */
async function inTime<T>(read: () => T | Promise<T>): Promise<T> {
  const timer = new AbortController();
  try {
    const late = sleep(READ_MS_MAX, undefined, { signal: timer.signal }).then(() => {
      throw new Error("a gauge was not read in time");
    });
    return await Promise.race([read(), late]);
  } finally {
    timer.abort();
  }
}

import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";

/** What this process counts, in Prometheus' words. */
export interface Metrics {
  readonly registry: Registry;
  /** Counts one of something: `count("batches_accepted")` adds to `quittance_batches_accepted_total`. */
  count(name: string, labels?: Readonly<Record<string, string>>, by?: number): void;
  /** Records a duration in seconds under `quittance_<name>_seconds`. */
  time(name: string, seconds: number, labels?: Readonly<Record<string, string>>): void;
}

const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** A process's own registry, with Node's default figures in it. */
export function openMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  return {
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
  };
}

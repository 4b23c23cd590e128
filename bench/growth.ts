import { present } from "../src/kernel/assert.js";
import { RUNS, type Sample, type StagedBenchmark } from "./benchmark.js";
import { numberOf } from "./database.js";
import { type Ingestion, lastNoOf, openIngestion } from "./ingest.js";
import { dedupeIndexMib, loadTransactions, pageReads } from "./stored.js";

const ROWS = 20_000_000;

/** `ingest` at an empty table, then the same with twenty million transactions stored over the eight partners. */
export const growth: StagedBenchmark = {
  name: "growth",
  unit: "transactions/s",
  target: { of: "ratio", must: 0.7, goal: 0.9 },
  isExtra: true,
  runs: RUNS,
  isStaged: true,
  isAlone: true,
  async prepare(stage) {
    const { sizes, say } = stage;
    const ingestion = await openIngestion(stage);
    await ingestion.warmUp();
    const atEmpty: number[] = [];
    for (let run = 1; run <= (sizes.runs ?? RUNS); run++) {
      const rate = await ingestion.measure(`e${run}`);
      atEmpty.push(rate);
      say(`growth: ${Math.round(rate)} transactions/s at an empty table`);
    }
    const wanted = sizes.rows ?? ROWS;
    const loadSeconds = await loadTransactions(stage, {
      where: "kind <> 'ROLLBACK'",
      copies: ({ stored }) => wanted - stored,
    });
    await ingestion.warmUp("full");
    return async (run) => {
      const { rate, remarks } = await measureFull(ingestion, run);
      return { value: rate, limit: present(atEmpty[run - 1], "an earlier run"), remarks: { ...remarks, loadSeconds } };
    };
  },
};

/** The rate, and what says whether the index that every transaction is looked up in was in memory. */
async function measureFull(ingestion: Ingestion, run: number) {
  const { database } = ingestion;
  const [storedRows, lastNo, reads] = [
    await numberOf(database, "select count(*) from `transaction` force index (uq_transaction_dedupe)"),
    await lastNoOf(database),
    await pageReads(database),
  ];
  const rate = await ingestion.measure(`f${run}`);
  const added = (await lastNoOf(database)) - lastNo;
  const remarks: Sample["remarks"] = {
    storedRows,
    bufferPoolMib: await numberOf(database, "select @@innodb_buffer_pool_size / 1048576"),
    dedupeIndexMib: await dedupeIndexMib(database),
    pageReadsPerRow: ((await pageReads(database)) - reads) / added,
  };
  return { rate, remarks };
}

import { type Command, InvalidArgumentError } from "commander";
import type { ImportReport } from "../partner/import.js";
import { printJson } from "./app.js";
import { addPartnerOptions, type PartnerOptions, sessionOf } from "./partner-options.js";

interface ImportOptions extends PartnerOptions {
  readonly for?: string;
  readonly batchSize: number;
  readonly encrypt?: boolean;
  readonly json?: boolean;
}

const BATCH_ROWS = { max: 10_000, default: 1_000 };

const HELP = `
The first line names the columns: transactionId, kind, currency, occurredAt, and any of product, brand, roundId, player,
amount, reverses, category, units, cost, lot, priority, expiresAt, pool, freeRound, roundClosed. A cell that is empty
is a member left out. A row that cannot be one stops the import before anything of its batch is sent.

Importing a file again changes nothing: the server knows each transactionId and answers DUPLICATE. A batch's own id
names its content, its place and this run, because a batch is signed with the time it is sent: the same id with another
time would be a conflict. Within a run a batch that was not answered is sent again byte for byte.

The totals are of the file's rows that the server now has, posted by this run or before, so that a second import prints
the same ones; a row that stands in the file twice counts twice. Rollbacks that came before their original count
as "pending", where there are any.

Exit code 0 when nothing was refused, 1 when something was: the id may be sent again once it is corrected.`;

/** The command of the partner's side for a file of transactions: `import`. */
export function register(program: Command): void {
  addPartnerOptions(program.command("import").description("sign and submit the rows of a CSV file"))
    .argument("<file>", "CSV with a header, gzipped or not")
    .option("--for <partner>", "the partner whose account it is, where the tenant signs")
    .option("--batch-size <rows>", "rows of a batch, at most 10000", batchSizeOf, BATCH_ROWS.default)
    .option("--encrypt", "encrypt the batches for the tenant's key of now")
    .option("--json", "print one JSON document")
    .addHelpText("after", HELP)
    .action(importAtShell);
}

async function importAtShell(path: string, options: ImportOptions): Promise<void> {
  const { openRowFile } = await import("../partner/csv-file.js");
  const { importRows } = await import("../partner/import.js");
  const { callerOf, partiesOf } = await import("../partner/payload.js");
  const { openProgress } = await import("../partner/progress.js");
  const { tenantKey } = await import("../partner/encryption.js");
  const [session, file] = [await sessionOf(options), await openRowFile(path)];
  const caller = await callerOf(session);
  const recipient = options.encrypt === true ? await tenantKey(session) : undefined;
  const { mayReadBatches } = caller;
  const sender = { session, parties: partiesOf(caller, options.for), mayReadBatches, recipient };
  const input = { file, batchSize: options.batchSize };
  const progress = openProgress(options.json === true ? null : process.stderr);
  const report = await importRows(sender, input, ({ batches, posted, duplicates, pending, refused }) =>
    progress.at(file.bytesRead() / file.bytes, { batches, rows: posted + duplicates + pending + refused }),
  ).finally(() => progress.end());
  for (const { line, code } of report.refusedRows) console.error(`line ${line}: ${code}`);
  if (report.refused > 0) process.exitCode = 1;
  if (options.json === true) return printJson(answerOf(report));
  console.log(table(report));
}

/** The document that scripts read; `pending` is there only when it is not 0. */
function answerOf({ batches, posted, duplicates, pending, refused, totals }: ImportReport): object {
  return { batches, posted, duplicates, ...(pending === 0 ? {} : { pending }), refused, totals };
}

function table({ batches, posted, duplicates, pending, refused, totals }: ImportReport): string {
  const waiting = pending === 0 ? "" : `, ${pending} waiting for their original`;
  const rows = Object.entries(totals).flatMap(([kind, currencies]) =>
    Object.entries(currencies).map(
      ([currency, { count, amount }]) =>
        `${kind.padEnd(22)}${String(count).padStart(12)}${amount.padStart(26)} ${currency}`,
    ),
  );
  return [
    `${batches} ${batches === 1 ? "batch" : "batches"}: ` +
      `${posted} posted, ${duplicates} duplicates, ${refused} refused${waiting}.`,
    ...rows,
  ].join("\n");
}

function batchSizeOf(text: string): number {
  const rows = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (rows >= 1 && rows <= BATCH_ROWS.max) return rows;
  throw new InvalidArgumentError(`A batch has 1 to ${BATCH_ROWS.max} rows.`);
}

import { resolve } from "node:path";
import type { Command } from "commander";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";

interface RetainOptions extends ServerOptions {
  readonly tenant: string;
  readonly to: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** The command that exports and removes what a tenant need not keep: `retain`. */
export function register(program: Command): void {
  addServerOptions(
    program
      .command("retain")
      .description(
        "export what is older than the tenant's retention, read it back, and remove it; run it again at will",
      ),
  )
    .requiredOption("--tenant <id>", "the tenant, tnt_…")
    .requiredOption("--to <folder>", "where exports go, a file for each slice; keep it")
    .option("--dry-run", "only say what would leave, and what is held back and why")
    .option("--json", "print one JSON document")
    .action(retainTenant);
}

async function retainTenant({ tenant: tenantId, to, dryRun, json, ...server }: RetainOptions): Promise<void> {
  const { retain } = await import("../../operations/retaining/service.js");
  const { tenantOf } = await import("../../tenancy/service.js");
  const report = await withApp(server, async (app) =>
    retain(app, await tenantOf(app, tenantId), {
      to: resolve(to),
      isDry: dryRun === true,
      onProgress: ({ batches, transactions }) => {
        if (process.stderr.isTTY) process.stderr.write(`\r${batches} batches, ${transactions} transactions`);
      },
    }),
  );
  if (json === true) return printJson(report);
  const { itemDays, originDays, batches, transactions, files, originsErased, held } = report;
  if (itemDays === null && originDays === null) return console.log("No retention was approved; everything is kept.");
  const verb = dryRun === true ? "Would remove" : "Removed";
  console.log(`${verb} ${batches} batches with ${transactions} transactions, in ${files} files.`);
  if (dryRun !== true) console.log(`Erased the origins of ${originsErased} acts.`);
  for (const [reason, count] of Object.entries(held)) console.log(`Held back, ${reason}: ${count} batches`);
}

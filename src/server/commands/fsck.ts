import type { Command } from "commander";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";

interface FsckOptions extends ServerOptions {
  readonly tenant?: string;
  readonly json?: boolean;
}

/** The command that computes everything again: `fsck`. Exit code 1 when something differs. */
export function register(program: Command): void {
  addServerOptions(
    program
      .command("fsck")
      .description("compute totals, balances, batches, statements and the tree again from raw rows; name what differs"),
  )
    .option("--tenant <id>", "one tenant only")
    .option("--anchor-dir <folder>", "where checkpoints were written down outside (default: QUITTANCE_ANCHOR_DIR)")
    .option("--json", "print one JSON document")
    .action(checkEverything);
}

async function checkEverything({ json, tenant: tenantId, ...server }: FsckOptions): Promise<void> {
  const { fsck } = await import("../../operations/fsck/service.js");
  const report = await withApp(server, (app) => fsck(app, { tenantId }));
  if (!report.ok) process.exitCode = 1;
  if (json === true) return printJson(report);
  const counts = Object.entries(report.checked).map(([noun, things]) => `${things} ${noun}`);
  console.log(`Checked ${counts.join(", ")}.`);
  for (const { check, tenant, subject, expected, found } of report.differences) {
    console.log(`${check} ${tenant} ${subject}: expected ${expected}, found ${found}`);
  }
  for (const [tenant, index] of Object.entries(report.firstBadIndexes)) {
    console.log(`LOG ${tenant}: the first bad index is ${index}.`);
  }
  console.log(report.ok ? "Everything agrees." : "Not everything agrees.");
}

import type { Command } from "commander";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";

interface ReleaseOptions extends ServerOptions {
  readonly tenant: string;
  readonly reason?: string;
  readonly json?: boolean;
}

/** The operator's commands on batches: `batch release`. */
export function register(program: Command): void {
  const batch = program.command("batch").description("batches: what partners signed and sent");
  addServerOptions(
    batch
      .command("release")
      .argument("<id>", "the batch, bat_…")
      .description("put a parked batch back into its partner's queue, once what held it up is mended"),
  )
    .requiredOption("--tenant <id>", "the tenant, tnt_…")
    .option("--reason <text>", "what was mended; the audit trail keeps it")
    .option("--json", "print one JSON document")
    .action(release);
}

async function release(id: string, { tenant: tenantId, reason, json, ...server }: ReleaseOptions): Promise<void> {
  const { shellActor } = await import("../../kernel/actor.js");
  const { newId } = await import("../../kernel/ids.js");
  const { tenantOf } = await import("../../tenancy/service.js");
  const { releaseBatch } = await import("../../exchange/parking/service.js");
  const { enqueuePosting } = await import("../../exchange/posting/jobs.js");
  await withApp(server, async (app) => {
    const { no: tenantNo } = await tenantOf(app, tenantId);
    const actor = shellActor({ tenantId, tenantNo }, newId("req", app.clock));
    await enqueuePosting(app, await releaseBatch(app, actor, id, reason ?? null));
  });
  if (json === true) return printJson({ id, state: "ACCEPTED" });
  console.log(`${id} waits to be posted again.`);
}

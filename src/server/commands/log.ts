import type { Command } from "commander";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { shellActorOf } from "./tenants.js";

interface LogOptions extends ServerOptions {
  readonly tenant: string;
  readonly json?: boolean;
}

interface RestartOptions extends LogOptions {
  readonly reason: string;
}

interface WaiveOptions extends RestartOptions {
  readonly witness: string;
}

/** The commands for a tenant's transparency log: `log show`, `log restart`, `log waive`. */
export function register(program: Command): void {
  const log = program.command("log").description("a tenant's transparency log");
  addServerOptions(log.command("show").description("its verifier key, its newest checkpoint, and who holds it outside"))
    .requiredOption("--tenant <id>", "the tenant")
    .option("--json", "print one JSON document")
    .action(showLog);
  addServerOptions(
    log.command("restart").description("give it a new name and key, after leaves or its key were lost for good"),
  )
    .requiredOption("--tenant <id>", "the tenant")
    .requiredOption("--reason <text>", "what happened, for those who read the log")
    .option("--json", "print one JSON document")
    .action(restartAtShell);
  addServerOptions(
    log.command("waive").description("let it be signed for a week without hearing a witness that is away"),
  )
    .requiredOption("--tenant <id>", "the tenant")
    .requiredOption("--witness <name>", "the name of the witness' key")
    .requiredOption("--reason <text>", "what happened, for those who read the log")
    .option("--json", "print one JSON document")
    .action(waiveAtShell);
}

async function showLog({ json, tenant, ...server }: LogOptions): Promise<void> {
  const { anchorsOf } = await import("../../transparency/anchors/service.js");
  const { logSigner } = await import("../../transparency/keys/service.js");
  const { shownCheckpoint } = await import("../../transparency/reading/service.js");
  const shown = await withApp(server, async (app) => {
    const actor = await shellActorOf(app, tenant);
    const { name: origin, verifierKey } = await logSigner(app, actor);
    const checkpoint = (await shownCheckpoint(app, actor.tenantNo))?.note ?? null;
    const anchors = await anchorsOf(app, actor.tenantNo);
    return {
      ...{ origin, verifierKey, checkpoint },
      anchors: anchors.map(({ tenantNo: _no, size, ...anchor }) => ({ ...anchor, size: Number(size) })),
    };
  });
  if (json === true) return printJson(shown);
  console.log(`${shown.verifierKey}\n\n${shown.checkpoint ?? "No checkpoint is signed yet.\n"}`);
  for (const { name, size, heldAt, fault, waivedUntil } of shown.anchors) {
    const waived = waivedUntil === null ? "" : `, not waited for until ${waivedUntil.toISOString()}`;
    const what = fault === null ? "" : `: ${fault}`;
    console.log(`${name} holds ${size} leaves since ${heldAt?.toISOString() ?? "never"}${what}${waived}`);
  }
}

async function restartAtShell({ json, tenant, reason, ...server }: RestartOptions): Promise<void> {
  const { restartLog } = await import("../../transparency/restarts/service.js");
  const { from, to } = await withApp(server, async (app) => restartLog(app, await shellActorOf(app, tenant), reason));
  if (json === true) return printJson({ from, to });
  console.log(`The log that was ${from}\nis ${to} from now on. Tell everybody who pinned the old key.`);
}

async function waiveAtShell({ json, tenant, witness, reason, ...server }: WaiveOptions): Promise<void> {
  const { waiveWitness } = await import("../../transparency/waiting/service.js");
  const waivedUntil = await withApp(server, async (app) =>
    waiveWitness(app, await shellActorOf(app, tenant), { witness, reason }),
  );
  if (json === true) return printJson({ witness, waivedUntil });
  console.log(`The log is signed without hearing ${witness} until ${waivedUntil.toISOString()}, or it is heard again.`);
}

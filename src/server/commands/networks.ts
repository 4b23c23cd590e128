import type { Command } from "commander";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { everyRow } from "./pages.js";
import { shellActorOf } from "./tenants.js";

interface ListOptions extends ServerOptions {
  readonly json?: boolean;
}

interface LiftOptions extends ListOptions {
  readonly network: string;
  readonly reason: string;
}

/** The commands about networks that fail to authenticate: `network list`, `network lift`. */
export function register(program: Command): void {
  const network = program.command("network").description("networks that fail to authenticate");
  addServerOptions(network.command("list").description("list those that are blocked"))
    .option("--json", "print one JSON document")
    .action(listNetworks);
  addServerOptions(network.command("lift").description("lift the block of one; its count begins anew"))
    .requiredOption("--network <network>", "as it is listed, or an address in it")
    .requiredOption("--reason <text>", "why, for the audit record")
    .option("--json", "print one JSON document")
    .action(liftNetwork);
}

async function listNetworks({ json, ...server }: ListOptions): Promise<void> {
  const { NETWORK_BLOCKS, networkBlocks } = await import("../../threat/networks/service.js");
  const blocks = await withApp(server, (app) => everyRow(NETWORK_BLOCKS, (request) => networkBlocks(app, request)));
  if (json === true) return printJson({ blocks });
  if (blocks.length === 0) console.log("No network is blocked.");
  for (const { network, endsAt } of blocks) console.log(`${network} until ${endsAt.toISOString()}`);
}

async function liftNetwork({ json, network, reason, ...server }: LiftOptions): Promise<void> {
  const { ensurePlatformTenant } = await import("../../tenancy/service.js");
  const { liftNetworkBlock } = await import("../../threat/networks/service.js");
  const lifted = await withApp(server, async (app) =>
    liftNetworkBlock(app, await shellActorOf(app, (await ensurePlatformTenant(app)).id), { network, reason }),
  );
  if (json === true) return printJson(lifted);
  console.log(`${lifted.network} is not blocked any more.`);
}

import { type Command, InvalidArgumentError } from "commander";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { shellActorOf } from "./tenants.js";

interface PolicyOptions extends ServerOptions {
  readonly tenant: string;
  readonly client: string;
  readonly ratePoints?: number;
  readonly trustedDocumentsOnly?: boolean;
  readonly json?: boolean;
}

/** The command that says what a client may ask, also more than the installation allows: `policy set`. */
export function register(program: Command): void {
  const policy = program.command("policy").description("what clients may ask");
  addServerOptions(
    policy.command("set").description("say what a client may ask; what is not named is as for any client"),
  )
    .requiredOption("--tenant <id>", "the tenant")
    .requiredOption("--client <id>", "the client")
    .option("--rate-points <n>", "points in ten seconds, also more than the installation allows", points)
    .option("--trusted-documents-only", "registered documents only")
    .option("--json", "print one JSON document")
    .action(setPolicyAtShell);
}

async function setPolicyAtShell(options: PolicyOptions): Promise<void> {
  const { json, tenant, client: clientId, ratePoints = null, trustedDocumentsOnly = false, ...server } = options;
  const { setClientPolicy } = await import("../../identity/policies/service.js");
  const policy = { ratePoints, trustedDocumentsOnly };
  await withApp(server, async (app) => setClientPolicy(app, await shellActorOf(app, tenant), { clientId, policy }));
  if (json === true) return printJson({ clientId, ...policy });
  const rate = ratePoints === null ? "the installation's rate" : `${ratePoints} points in ten seconds`;
  console.log(`Client ${clientId}: ${rate}, ${trustedDocumentsOnly ? "registered documents only" : "any document"}.`);
}

function points(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("A rate is a whole number above zero.");
}

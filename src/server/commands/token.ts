import type { Command } from "commander";
import { printJson } from "./app.js";
import { addPartnerOptions, type PartnerOptions } from "./partner-options.js";

interface TokenOptions extends PartnerOptions {
  readonly scope?: string;
  readonly json?: boolean;
}

/** The command of the partner's side that gets an access token: `token`. */
export function register(program: Command): void {
  addPartnerOptions(program.command("token").description("print an access token"))
    .option("--scope <scopes>", "scopes to ask for (default: all that the client has)")
    .option("--json", "print one JSON document")
    .action(printToken);
}

async function printToken({ url, client: clientId, key: keyFile, scope, dpop, json }: TokenOptions): Promise<void> {
  const { openSession } = await import("../partner-client.js");
  const session = await openSession({ url, clientId, keyFile, scope, dpop });
  const token = await session.token();
  if (json === true) return printJson({ token });
  console.log(token);
}

import type { Command } from "commander";
import { printJson } from "./app.js";

interface TokenOptions {
  readonly url: string;
  readonly client: string;
  readonly key: string;
  readonly scope?: string;
  readonly json?: boolean;
}

/** The command of the partner's side that gets an access token: `token`. */
export function register(program: Command): void {
  program
    .command("token")
    .description("print an access token")
    .requiredOption("--url <url>", "the server, e.g. http://localhost:4000")
    .requiredOption("--client <id>", "the client id")
    .requiredOption("--key <file>", "the client's private JWK, as `keygen` writes it")
    .option("--scope <scopes>", "scopes to ask for (default: all that the client has)")
    .option("--json", "print one JSON document")
    .action(printToken);
}

async function printToken({ url, client: clientId, key: keyFile, scope, json }: TokenOptions): Promise<void> {
  const { openSession } = await import("../partner-client.js");
  const session = await openSession({ url, clientId, keyFile, scope });
  const token = await session.token();
  if (json === true) return printJson({ token });
  console.log(token);
}

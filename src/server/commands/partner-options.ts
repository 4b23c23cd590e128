import type { Command } from "commander";
import type { Session } from "../partner-client.js";

/** Which server a command of the partner's side speaks to, and as whom. */
export interface PartnerOptions {
  readonly url: string;
  readonly client: string;
  readonly key: string;
  readonly dpop?: boolean;
}

/** Adds the options that say which server a command speaks to, and as whom. */
export function addPartnerOptions(command: Command): Command {
  return command
    .requiredOption("--url <url>", "the server, e.g. http://localhost:4000")
    .requiredOption("--client <id>", "the client id")
    .requiredOption("--key <file>", "the client's private JWK, as `keygen` writes it")
    .option("--dpop", "use access tokens that are bound to this key (DPoP)");
}

/** Opens the session that the options name. */
export async function sessionOf({ url, client: clientId, key: keyFile, dpop }: PartnerOptions): Promise<Session> {
  const { openSession } = await import("../partner-client.js");
  return openSession({ url, clientId, keyFile, dpop });
}

import { type DestinationStream, type Logger, pino } from "pino";
import type { Config } from "./config.js";
import { describeDatabaseError } from "./database.js";

/** A process's log: JSON lines on standard output. */
export type Log = Logger;

/** What never reaches a log, wherever it stands in an entry. */
const SECRETS = ["authorization", "token", "access_token", "client_assertion", "jws", "privateJwk", "d", "password"];
/** Members of drivers' errors that hold what was sent: rows of partners, hashes, sealed keys. */
const SENT = new Set(["query", "parameters", "sql", "sqlMessage", "driverError", "command", "previousErrors"]);
const CAUSES_MAX = 5;

/**
 * Opens the log of this process; secrets are removed by name, at the top and one level down, and of errors what was
 * sent to a server.
 */
export function openLog(config: Pick<Config, "logLevel" | "processName">, to?: DestinationStream): Log {
  const options = {
    level: config.logLevel,
    base: { process: config.processName },
    serializers: { err: (error: unknown) => shownError(error) },
    redact: {
      paths: SECRETS.flatMap((name) => [name, `*.${name}`, `headers.${name}`]),
      remove: true,
    },
  };
  return to === undefined ? pino(options) : pino(options, to);
}

/** An error without what was sent; the database's by its number alone, since its words quote data. */
function shownError(error: unknown, causes = 0): unknown {
  if (!(error instanceof Error)) return error;
  const { name: type, stack = "", cause } = error;
  const places = stack.split("\n").filter((line) => /^\s+at /.test(line));
  const facts = Object.entries(error).filter(([name]) => !SENT.has(name) && name !== "cause");
  return {
    ...Object.fromEntries(facts),
    ...{ type, message: describeDatabaseError(error) ?? error.message, stack: places.join("\n") },
    ...(cause === undefined || causes === CAUSES_MAX ? {} : { cause: shownError(cause, causes + 1) }),
  };
}

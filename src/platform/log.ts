import { type Logger, pino } from "pino";
import type { Config } from "./config.js";

/** A process's log: JSON lines on standard output. */
export type Log = Logger;

/** What never reaches a log, wherever it stands in an entry. */
const SECRETS = ["authorization", "token", "access_token", "client_assertion", "jws", "privateJwk", "d", "password"];

/** Opens the log of this process; secrets are removed by name, at the top and one level down. */
export function openLog(config: Pick<Config, "logLevel" | "processName">): Log {
  return pino({
    level: config.logLevel,
    base: { process: config.processName },
    redact: {
      paths: SECRETS.flatMap((name) => [name, `*.${name}`, `headers.${name}`]),
      remove: true,
    },
  });
}

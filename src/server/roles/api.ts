import { once } from "node:events";
import { createServer } from "node:net";
import { type Config, type ConfigOverrides, PORT_DEFAULT, readConfig } from "../../platform/config.js";
import { startHttp } from "../http.js";
import { setHeapFlags } from "./heap.js";
import { runRole } from "./role.js";

/** Serves HTTP until the process is told to stop; port 0 takes a free one. */
export async function runApi(overrides: ConfigOverrides): Promise<void> {
  setHeapFlags();
  await runRole(await configWithPort(overrides), startHttp);
}

/** The public URL is the issuer of tokens, so the port must be known before anything is opened. */
async function configWithPort(overrides: ConfigOverrides): Promise<Config> {
  const named = readConfig(overrides);
  const config = named.port === 0 ? readConfig({ ...overrides, port: await freePort() }) : named;
  // Nobody waits for the answer of a statement any more when its operation was answered.
  return { ...config, statementMsMax: config.http.operationMsMax };
}

/** A TCP port of this machine that nobody listens on now. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const server = createServer();
  await once(server.listen(0, host), "listening");
  const address = server.address();
  await once(server.close(), "close");
  return typeof address === "object" && address !== null ? address.port : PORT_DEFAULT;
}

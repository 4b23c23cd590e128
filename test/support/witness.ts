import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { onTestFinished } from "vitest";
import { newKeyPair } from "../../src/kernel/key-pairs.js";
import type { App } from "../../src/platform/app.js";
import { freePort } from "../../src/server/roles/api.js";
import { type RunningWitness, startWitness } from "../../src/server/witness.js";
import { logSigner } from "../../src/transparency/keys/service.js";
import type { SeededTenant } from "./seeds.js";

/** A witness of the log that can be stopped and started again, and still knows then what it held. */
export interface TestWitness {
  readonly name: string;
  readonly address: { readonly verifierKey: string; readonly url: string };
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a witness of a tenant's log that keeps what it cosigned in a folder of its own. */
export async function openWitness(app: App, home: SeededTenant, dir: string, short: string): Promise<TestWitness> {
  const name = `witness.example/${short}`;
  const { verifierKey: logKey } = await logSigner(app, home.actor);
  const privateJwk = JSON.stringify(newKeyPair("ed25519").privateKey.export({ format: "jwk" }));
  const options = { name, privateJwk, logKeys: [logKey], dir, host: "127.0.0.1" };
  const port = await freePort();
  let running: RunningWitness | null = null;
  const stop = async () => {
    await running?.close();
    running = null;
  };
  const start = async () => {
    running = await startWitness({ ...options, port });
    return running;
  };
  const { verifierKey, url } = await start();
  onTestFinished(stop);
  return { name, address: { verifierKey, url }, start: async () => void (await start()), stop };
}

/** The address of a server that answers as it likes, until the test is over. */
export async function served(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}

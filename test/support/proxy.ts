import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isWholeAnswer } from "./packets.js";

/** How a proxy loses a COMMIT: before the server has it, its answer, or so that the server has it a while later. */
export type Cut = "before" | "after" | "late";

const LATE_MS = 400;

/** A unix socket in front of the database's that passes everything on, until it is told to lose the next COMMIT. */
export interface DatabaseProxy {
  /** The database's URL through the proxy. */
  readonly url: string;
  /** Null: none after all. So many COMMITs are passed on before. */
  cutNextCommit(where: Cut | null, passed?: number): void;
  /** How many COMMITs were lost. */
  cuts(): number;
  close(): Promise<void>;
}

/** Starts a proxy in front of the database of that URL, which must name a socket. */
export async function startProxy(databaseUrl: string): Promise<DatabaseProxy> {
  const target = new URL(databaseUrl);
  const socketPath = target.searchParams.get("socketPath") ?? "";
  const folder = mkdtempSync(join(tmpdir(), "quittance-proxy-"));
  const path = join(folder, "proxy.sock");
  const sockets = new Set<Socket>();
  let next: Cut | null = null;
  let [passes, cuts] = [0, 0];
  const server = createServer((client) => {
    const upstream = connect(socketPath);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy()); // a cut connection is what this is for
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        if (cut !== "late") upstream.destroy();
      });
    }
    let cut: Cut | null = null;
    client.on("data", (chunk) => {
      if (next !== null && chunk.subarray(-6).toString("latin1") === "COMMIT" && passes-- === 0) {
        cuts += 1;
        cut = next;
        next = null;
        if (cut === "late") setTimeout(() => upstream.end(chunk), LATE_MS);
        if (cut !== "after") return client.destroy();
      }
      return upstream.write(chunk);
    });
    let lost: Buffer = Buffer.alloc(0);
    upstream.on("data", (chunk) => {
      if (cut === null) return void client.write(chunk);
      lost = Buffer.concat([lost, chunk]);
      if (isWholeAnswer(lost)) client.destroy(); // not before: the server stops a text whose answers nobody takes
    });
  });
  await once(server.listen(path), "listening");
  target.searchParams.set("socketPath", path);
  return {
    url: target.href,
    cutNextCommit: (where, passed = 0) => {
      [next, passes] = [where, passed];
    },
    cuts: () => cuts,
    async close() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), "close");
      rmSync(folder, { recursive: true });
    },
  };
}

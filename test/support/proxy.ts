import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where a proxy loses a COMMIT: before the server has it, or its answer. */
export type Cut = "before" | "after";

/** A unix socket in front of the database's that passes everything on, until it is told to lose the next COMMIT. */
export interface DatabaseProxy {
  /** The database's URL through the proxy. */
  readonly url: string;
  /** Null: none after all. */
  cutNextCommit(where: Cut | null): void;
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
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(socketPath);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy()); // a cut connection is what this is for
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    let isLosing = false;
    client.on("data", (chunk) => {
      if (next !== null && chunk.subarray(5).toString("latin1").toUpperCase() === "COMMIT") {
        cuts += 1;
        isLosing = next === "after";
        next = null;
        if (!isLosing) return client.destroy();
      }
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => (isLosing ? client.destroy() : client.write(chunk)));
  });
  await once(server.listen(path), "listening");
  target.searchParams.set("socketPath", path);
  return {
    url: target.href,
    cutNextCommit: (where) => {
      next = where;
    },
    cuts: () => cuts,
    async close() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), "close");
      rmSync(folder, { recursive: true });
    },
  };
}

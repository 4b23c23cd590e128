import type { Server } from "node:http";
import type { App } from "../../platform/app.js";
import { isTrustedProxy } from "./address.js";

/**
 * Cuts connections of an address that has too many open already, before a byte of them is read. Proxies that are
 * trusted carry the connections of many, and count theirs themselves.
 */
export function limitConnections(server: Server, app: App): void {
  const open = new Map<string, number>();
  server.on("connection", (socket) => {
    const address = socket.remoteAddress ?? "";
    if (isTrustedProxy(app, address)) return;
    const count = (open.get(address) ?? 0) + 1;
    if (count > app.config.http.connectionsMax) {
      app.metrics.count("connections_refused");
      socket.destroy();
      return;
    }
    open.set(address, count);
    socket.once("close", () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
}

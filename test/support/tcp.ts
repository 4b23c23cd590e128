import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A bare connection to a server, for what no client of HTTP would send; it ends with the test, if it was not cut. */
export async function dial(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined); // being cut is what tests look for
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** Until it is closed in whichever way: one cut with bytes on their way is reset, and `once` would fail at that. */
export async function untilClosed(socket: Socket): Promise<void> {
  if (socket.closed) return;
  await new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
}

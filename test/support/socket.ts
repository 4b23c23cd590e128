import { WebSocket } from "ws";

/** A WebSocket that said `connection_init` and nothing else. */
export interface TestSocket {
  /** The first message that came. */
  readonly first: Promise<unknown>;
  /** With which code and reason it was closed. */
  readonly closed: Promise<readonly [number, string]>;
}

/** Opens one as a browser would, with the cookie and the origin of a page. */
export async function connect(
  url: string,
  { cookie, origin }: { readonly cookie: string; readonly origin: string },
): Promise<TestSocket> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/graphql`, "graphql-transport-ws", {
    headers: { cookie },
    origin,
  });
  const first = new Promise<unknown>((resolve) => {
    socket.once("message", (bytes) => resolve(JSON.parse(Buffer.isBuffer(bytes) ? bytes.toString() : "null")));
  });
  const closed = new Promise<readonly [number, string]>((resolve) => {
    socket.once("close", (code, reason) => resolve([code, String(reason)]));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve()).once("error", reject);
  });
  socket.send(JSON.stringify({ type: "connection_init" }));
  return { first, closed };
}

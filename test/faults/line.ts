import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A TCP port in front of an api that loses answers when it is told to: the request has been delivered by then. */
export interface Line {
  readonly url: string;
  /** The next answers do not arrive: the connection is cut when they come. */
  loseAnswers(times: number): void;
  /** How many answers were lost. */
  lost(): number;
  close(): Promise<void>;
}

/** Starts it in front of a port of this machine. */
export async function startLine(port: number): Promise<Line> {
  const sockets = new Set<Socket>();
  let [left, lost] = [0, 0];
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy()); // a cut connection is what this is for
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (chunk) => upstream.write(chunk));
    upstream.on("data", (chunk) => {
      if (left === 0) return client.write(chunk);
      left -= 1;
      lost += 1;
      return client.destroy();
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    loseAnswers: (times) => {
      left += times;
    },
    lost: () => lost,
    async close() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), "close");
    },
  };
}

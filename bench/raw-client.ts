import { createConnection, type Socket } from "node:net";

/** What came back: the status and the body, unparsed. */
export interface RawAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * HTTP/1.1 over kept connections and nothing more, a fraction of what `node:http` costs: with the servers on the same
 * cores, what the client takes is what they lack. Answers must carry `content-length`.
 */
export interface RawClient {
  /** Sends at once on a free connection, or as soon as one is free, in order. */
  send(request: Buffer): Promise<RawAnswer>;
  /** Whether a connection is free. */
  isFree(): boolean;
  close(): void;
}

const HEADER_END = "\r\n\r\n";

/** A whole request that posts JSON to `/graphql`, to be sent as often as wanted. */
export function graphqlRequest(token: string, body: string | Buffer): Buffer {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const head = [
    "POST /graphql HTTP/1.1",
    "host: localhost",
    `authorization: Bearer ${token}`,
    "content-type: application/json",
    `content-length: ${bytes.length}`,
  ];
  return Buffer.concat([Buffer.from(head.join("\r\n") + HEADER_END), bytes]);
}

/** Opens so many connections. */
export async function openRawClient(url: string, connections: number): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  const waiting: (() => void)[] = [];
  const free = await Promise.all(Array.from({ length: connections }, () => openLine(hostname, Number(port))));
  const all = new Set(free);
  const reopened = async (line: Line) => {
    all.delete(line);
    const opened = await openLine(hostname, Number(port));
    all.add(opened);
    return opened;
  };
  return {
    async send(request) {
      while (free.length === 0) {
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      }
      let line = free.shift(); // in turn, so that none is idle for so long that the server closes it
      if (line === undefined) throw new Error("a connection was free and is not");
      try {
        if (line.socket.destroyed) line = await reopened(line);
        return await line.ask(request);
      } finally {
        free.push(line);
        waiting.shift()?.();
      }
    },
    isFree: () => free.length > 0,
    close() {
      for (const line of all) line.socket.destroy();
    },
  };
}

interface Line {
  readonly socket: Socket;
  /** One at a time. */
  ask(request: Buffer): Promise<RawAnswer>;
}

interface Asked {
  resolve(answer: RawAnswer): void;
  reject(error: Error): void;
}

function openLine(host: string, port: number): Promise<Line> {
  const socket = createConnection({ host, port, noDelay: true });
  let [received, asked]: [Buffer, Asked | null] = [Buffer.alloc(0), null];
  const fail = (error: Error) => {
    asked?.reject(error);
    asked = null;
  };
  socket.on("data", (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const answer = answerIn(received);
    if (answer === null) return;
    received = Buffer.alloc(0);
    const current = asked;
    asked = null;
    if (answer instanceof Error) current?.reject(answer);
    else current?.resolve(answer);
  });
  socket.on("error", fail).on("close", () => fail(new Error("the server closed the connection")));
  return new Promise((resolve, reject) => {
    socket.once("error", reject).once("connect", () => {
      socket.off("error", reject);
      resolve({
        socket,
        ask: (request) =>
          new Promise((answered, failed) => {
            asked = { resolve: answered, reject: failed };
            socket.write(request);
          }),
      });
    });
  });
}

/** The answer, once it is whole; null until then. */
function answerIn(received: Buffer): RawAnswer | Error | null {
  const end = received.indexOf(HEADER_END);
  if (end < 0) return null;
  const head = received.toString("latin1", 0, end);
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  if (length === undefined) return new Error(`no content-length: ${head}`);
  const from = end + HEADER_END.length;
  if (received.length < from + Number(length)) return null;
  return { status: Number(head.slice(9, 12)), body: received.toString("utf8", from, from + Number(length)) };
}

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How a statement fails: the server's error by its number, or 2013 for a connection that is lost in its midst. */
export type SqlFault = 1205 | 1213 | 2013 | 1180;

/** A unix socket in front of MariaDB's that knows texts of statements apart, and fails some of them when told to. */
export interface SqlWire {
  /** The database's URL through it. */
  readonly url: string;
  /** From now on so many texts fail like this: each `every`th that can (1180: each `every`th with a COMMIT). */
  fail(fault: SqlFault, times: number, every: number): void;
  /** How many statements have failed so. */
  struck(fault: SqlFault): number;
  /** How often the server itself has answered with an error, by its number. */
  answered(errno: number): number;
  close(): Promise<void>;
}

const COM_QUERY = 0x03;
const HEADER_BYTES = 4;
const ERROR_MARK = 0xff;
const SQL_STATES: Readonly<Record<SqlFault, string>> = { 1205: "HY000", 1213: "40001", 2013: "HY000", 1180: "HY000" };

interface Plan {
  readonly fault: SqlFault;
  readonly every: number;
  left: number;
  seen: number;
}

/** Starts it in front of the database of that URL, which must name a socket. */
export async function startWire(databaseUrl: string): Promise<SqlWire> {
  const target = new URL(databaseUrl);
  const socketPath = target.searchParams.get("socketPath") ?? "";
  const folder = mkdtempSync(join(tmpdir(), "quittance-wire-"));
  const path = join(folder, "wire.sock");
  const sockets = new Set<Socket>();
  const counts = new Map<SqlFault, number>();
  const errors = new Map<number, number>();
  let plans: Plan[] = [];

  /** The fault that befalls a statement, if any does. */
  const faultOf = (statement: string): SqlFault | null => {
    const meant = plans.filter(({ fault }) => isFor(fault, statement));
    for (const each of meant) each.seen += 1;
    const plan = meant.find(({ seen, every }) => seen % every === 0);
    if (plan === undefined) return null;
    plan.left -= 1;
    if (plan.left === 0) plans = plans.filter((each) => each !== plan);
    counts.set(plan.fault, (counts.get(plan.fault) ?? 0) + 1);
    return plan.fault;
  };

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
    const answers = new Answers(client, errors);
    const pass = (packet: Buffer) => {
      const isQuery = packet[3] === 0 && packet[HEADER_BYTES] === COM_QUERY;
      const fault = isQuery ? faultOf(textOf(packet)) : null;
      if (fault === null) return upstream.write(packet);
      if (fault === 2013) return client.destroy();
      // A COMMIT that fails may hold or not: every second one is passed on, its answer replaced.
      const isReplaced = fault === 1180 && (counts.get(fault) ?? 0) % 2 === 0;
      if (!isReplaced) return client.write(errorPacket(fault));
      answers.replaceNext(errorPacket(fault));
      return upstream.write(packet);
    };
    let waiting: Buffer = Buffer.alloc(0);
    client.on("data", (chunk: Buffer) => {
      waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
      for (let packet = nextPacket(waiting); packet !== null; packet = nextPacket(waiting)) {
        waiting = waiting.subarray(packet.length);
        pass(packet);
      }
    });
    upstream.on("data", (chunk: Buffer) => answers.pass(chunk));
  });
  await once(server.listen(path), "listening");
  target.searchParams.set("socketPath", path);
  return {
    url: target.href,
    fail: (fault, times, every) => void plans.push({ fault, every, left: times, seen: 0 }),
    struck: (fault) => counts.get(fault) ?? 0,
    answered: (errno) => errors.get(errno) ?? 0,
    async close() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), "close");
      rmSync(folder, { recursive: true });
    },
  };
}

/** What goes back to a client; one answer is replaced as a whole, with those of the statements that came along. */
class Answers {
  #instead: Buffer | null = null;
  #swallowed: Buffer = Buffer.alloc(0);

  constructor(
    readonly client: Socket,
    readonly errors: Map<number, number>,
  ) {}

  replaceNext(packet: Buffer): void {
    this.#instead = packet;
  }

  pass(chunk: Buffer): void {
    this.#countError(chunk);
    if (this.#instead === null) return void this.client.write(chunk);
    this.#swallowed = Buffer.concat([this.#swallowed, chunk]);
    if (!isWhole(this.#swallowed)) return;
    this.client.write(this.#instead);
    this.#instead = null;
    this.#swallowed = Buffer.alloc(0);
  }

  /** An error that the server answers begins a chunk. */
  #countError(chunk: Buffer): void {
    if (chunk[HEADER_BYTES] !== ERROR_MARK || chunk.length < HEADER_BYTES + 3) return;
    const errno = chunk.readUInt16LE(HEADER_BYTES + 1);
    this.errors.set(errno, (this.errors.get(errno) ?? 0) + 1);
  }
}

const MORE_RESULTS = 0x08;

/** Whether the last packet is an error, or an OK after which no result follows (MariaDB: OK_Packet, `status`). */
function isWhole(bytes: Buffer): boolean {
  let last: Buffer | null = null;
  let rest = bytes;
  for (let packet = nextPacket(rest); packet !== null; packet = nextPacket(rest)) {
    last = packet;
    rest = rest.subarray(packet.length);
  }
  if (last === null || rest.length > 0) return false;
  if (last[HEADER_BYTES] !== 0) return last[HEADER_BYTES] === ERROR_MARK;
  const afterRows = pastNumber(last, HEADER_BYTES + 1);
  return (last.readUInt16LE(pastNumber(last, afterRows)) & MORE_RESULTS) === 0;
}

/** Where a length-encoded number ends. */
function pastNumber(packet: Buffer, at: number): number {
  const widths: Readonly<Record<number, number>> = { 252: 3, 253: 4, 254: 9 };
  return at + (widths[packet[at] ?? 0] ?? 1);
}

function isFor(fault: SqlFault, text: string): boolean {
  return fault === 1180 ? text.endsWith("COMMIT") : !/^(COMMIT|ROLLBACK|START TRANSACTION)$/i.test(text);
}

/** The first whole packet: three bytes of length, one of sequence, then that many. */
function nextPacket(bytes: Buffer): Buffer | null {
  if (bytes.length < HEADER_BYTES) return null;
  const length = HEADER_BYTES + bytes.readUIntLE(0, 3);
  return bytes.length < length ? null : bytes.subarray(0, length);
}

function textOf(packet: Buffer): string {
  return packet
    .subarray(HEADER_BYTES + 1)
    .toString("latin1")
    .trim();
}

function errorPacket(fault: SqlFault): Buffer {
  const body = Buffer.concat([
    Buffer.from([ERROR_MARK, fault & 0xff, fault >> 8]),
    Buffer.from(`#${SQL_STATES[fault]}injected by the wire`),
  ]);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUIntLE(body.length, 0, 3);
  header[3] = 1;
  return Buffer.concat([header, body]);
}

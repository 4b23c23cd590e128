import { lookup as lookUp } from "node:dns";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** A request to a server of somebody else. */
export interface OutgoingRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly signal?: AbortSignal | undefined;
}

/** Whether this is production, where what is outside must be public. */
interface Where {
  readonly isProduction: boolean;
}

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 1024 * 1024;
const WITHOUT_BODY = [204, 205, 304];

/** Addresses of this machine and of networks behind it, which nobody may make us call (RFC 6890). */
const PRIVATE = new BlockList();
for (const [net, bits] of [
  ...([
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["100.64.0.0", 10],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
  ] as const),
  ...([
    ["172.16.0.0", 12],
    ["192.0.0.0", 24],
    ["192.0.2.0", 24],
    ["192.168.0.0", 16],
    ["198.18.0.0", 15],
  ] as const),
  ...([
    ["198.51.100.0", 24],
    ["203.0.113.0", 24],
    ["224.0.0.0", 4],
    ["240.0.0.0", 4],
  ] as const),
]) {
  PRIVATE.addSubnet(net, bits, "ipv4");
}
/** Of IPv6 only global unicast is public, and of that not what tunnels or documents (6to4, Teredo, 2001:db8::/32). */
const PUBLIC_6 = new BlockList();
PUBLIC_6.addSubnet("2000::", 3, "ipv6");
const TUNNELS_6 = new BlockList();
for (const [net, bits] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
] as const) {
  TUNNELS_6.addSubnet(net, bits, "ipv6");
}

/** Whether an IP address is one of the public network. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !PRIVATE.check(address, "ipv4");
    case 6: // one that wraps an IPv4 address (::ffff:…) is no global unicast
      return PUBLIC_6.check(address, "ipv6") && !TUNNELS_6.check(address, "ipv6");
    default:
      return false;
  }
}

/**
 * What is wrong with an address that we are to send requests to, in words that continue a sentence; null when nothing
 * is. In production it is https and names no private network; to what a name leads is checked again at connecting.
 */
export function outgoingFault(text: string, { isProduction }: Where): string | null {
  if (!URL.canParse(text)) return "is no URL";
  const { protocol, username, password, hash, hostname } = new URL(text);
  if (username !== "" || password !== "" || hash !== "") return "has a name, a password or a fragment in it";
  if (!isProduction) return ["http:", "https:"].includes(protocol) ? null : "is neither http nor https";
  if (protocol !== "https:") return "is not https";
  const host = hostname.replace(/^\[|\]$/g, "");
  const isLocal = isIP(host) === 0 && (!host.includes(".") || /\.(localhost|local|internal|home\.arpa)\.?$/.test(host));
  return isLocal || (isIP(host) !== 0 && !isPublicAddress(host)) ? "is not public" : null;
}

/**
 * Sends a request outside and answers at most 1 MiB within ten seconds; redirects are answered, not followed. In
 * production the address that a name resolves to is checked as it is connected to, so that no name leads inside.
 */
export async function fetchOutside(
  config: Where,
  text: string,
  { method, headers, body, signal }: OutgoingRequest,
): Promise<Response> {
  const fault = outgoingFault(text, config);
  if (fault !== null) throw new TypeError(`An address outside ${fault}.`);
  const url = new URL(text);
  const send = url.protocol === "https:" ? requestHttps : requestHttp;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const until = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = send(url, { method, headers, signal: until, agent: false, lookup: lookupFor(config) }, resolve);
    request.once("error", reject);
    request.end(body ?? undefined);
  });
  const bytes = await bytesOf(message);
  const status = message.statusCode ?? 0;
  const answered = Object.entries(message.headers).flatMap(([name, value = []]) =>
    [value].flat().map((each): [string, string] => [name, each]),
  );
  return new Response(WITHOUT_BODY.includes(status) ? null : new Uint8Array(bytes), { status, headers: answered });
}

/** Resolves a name as usual, and in production refuses one of whose addresses any is private. */
function lookupFor({ isProduction }: Where): LookupFunction {
  return (host, options, answer) => {
    lookUp(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return answer(error, []);
      if (isProduction && found.some(({ address }) => !isPublicAddress(address))) {
        return answer(new Error("The name leads to an address that is not public."), []);
      }
      if (options.all === true) return answer(null, found);
      const [first] = found;
      return answer(null, first?.address ?? "", first?.family ?? 4);
    });
  };
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of message as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`An answer from outside is longer than ${ANSWER_BYTES_MAX} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

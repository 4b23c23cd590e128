import { lookup as lookupName } from "node:dns";
import { type IncomingMessage, request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** A request to a server that is not ours. */
export interface OutgoingPost {
  readonly url: string;
  readonly body: string;
  readonly timeoutMs: number;
  /** The longest answer that is read. */
  readonly bytesMax: number;
  /** Whether it must be https, to a public address (`outgoingFault`). */
  readonly isPublicOnly: boolean;
}

/** What such a server answered; redirects are answers like others, and are not followed. */
export interface OutgoingAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

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
 * Why an address of somebody else's must not be called in production, as far as it can be told before its name is
 * looked up; null where it may. Where it is called, each address of the name is looked at as well.
 */
export function outgoingFault(url: string): string | null {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed?.protocol !== "https:") return "is not an https address";
  if (parsed.username !== "" || parsed.password !== "") return "has a password in it";
  const host = parsed.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) === 0) return host === "localhost" || host.endsWith(".localhost") ? "is this machine" : null;
  return isPublicAddress(host) ? null : "is a private address";
}

/** Posts a text and answers what came back; throws when nothing does in time, or more than was asked for. */
export async function postOutgoing({
  url,
  body,
  timeoutMs,
  bytesMax,
  isPublicOnly,
}: OutgoingPost): Promise<OutgoingAnswer> {
  const fault = isPublicOnly ? outgoingFault(url) : null;
  if (fault !== null) throw new Error(`${url} ${fault}`);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = (url.startsWith("https:") ? requestSecure : requestPlain)(url, {
      method: "POST",
      headers: { "content-type": "text/plain; charset=utf-8", "content-length": Buffer.byteLength(body) },
      signal: AbortSignal.timeout(timeoutMs),
      ...(isPublicOnly ? { lookup: lookUpPublic } : {}),
    });
    request.once("response", resolve).once("error", reject).end(body);
  });
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response) {
    bytes += part.length;
    // Leaving the loop destroys the response.
    if (bytes > bytesMax) throw new Error(`${url} answers more than ${bytesMax} bytes`);
    parts.push(part);
  }
  const contentType = response.headers["content-type"] ?? "";
  return { status: response.statusCode ?? 0, contentType, text: Buffer.concat(parts).toString("utf8") };
}

/** Looks a name up where the connection is made, so that no second look-up can answer another address. */
const lookUpPublic: LookupFunction = (hostname, options, callback) => {
  lookupName(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, "");
    const found = addresses.filter(({ address }) => isPublicAddress(address));
    const [first] = found;
    if (first === undefined) return callback(new Error(`${hostname} has no public address`), "");
    if (options.all === true) callback(null, found);
    else callback(null, first.address, first.family);
  });
};

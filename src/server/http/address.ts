import type { IncomingMessage } from "node:http";
import { BlockList, isIPv4, isIPv6 } from "node:net";
import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";

/** Whether an address is a proxy's whose `X-Forwarded-For` is believed. */
export function isTrustedProxy(app: App, address: string): boolean {
  const plain = plainAddress(address);
  return isAddress(plain) && proxiesOf(app).check(plain, isIPv4(plain) ? "ipv4" : "ipv6");
}

/** Where a request comes from: its peer or, behind proxies of ours, the last address that none of them has. */
export function addressOf(app: App, { socket, headers }: IncomingMessage): string {
  const hops = String(headers["x-forwarded-for"] ?? "").split(",");
  let address = plainAddress(socket.remoteAddress ?? "");
  while (isTrustedProxy(app, address)) {
    const next = plainAddress(hops.pop()?.trim() ?? "");
    if (!isAddress(next)) break;
    address = next;
  }
  return address;
}

const proxiesOf = perApp(({ config }) => {
  const proxies = new BlockList();
  for (const network of config.http.trustedProxies) {
    const [address = "", bits = ""] = network.split("/");
    proxies.addSubnet(address, Number(bits), isIPv4(address) ? "ipv4" : "ipv6");
  }
  return proxies;
});

/** An IPv4 address as such, where a socket for both kinds says it as an IPv6 one. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}

function isAddress(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

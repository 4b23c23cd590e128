/** Groups of 16 bits of an IPv6 address by which whole networks are judged, and by which callers are told apart. */
const IPV6_GROUPS = { judged: 3, rated: 4 } as const;
const IPV4_NUMBERS = { judged: 3, rated: 4 } as const;

/**
 * The network by which somebody is judged who has not proved who he is, and by which it is told what is usual: the
 * first 24 bits of IPv4, the first 48 of IPv6, which is what an organisation has and an attacker has to leave.
 */
export function judgedNetwork(address: string): string {
  return startOf(address, "judged");
}

/**
 * The network that counts as one caller in rates: a whole IPv4 address, the first 64 bits of IPv6, which is what a
 * household or a server is given.
 */
export function ratedNetwork(address: string): string {
  return startOf(address, "rated");
}

/** A network by which somebody is judged, as people write one: `198.51.100.0/24`, `2001:db8:7::/48`. */
export function networkText(judged: string): string {
  return judged.includes(":") ? `${judged}::/48` : `${judged}.0/24`;
}

function startOf(address: string, purpose: keyof typeof IPV6_GROUPS): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (!plain.includes(":")) return plain.split(".").slice(0, IPV4_NUMBERS[purpose]).join(".");
  const [head = "", tail] = plain.split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const after = (tail ?? "").split(":").filter((group) => group !== "");
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - groups.length - after.length }, () => "0");
  return [...groups, ...zeros, ...after].slice(0, IPV6_GROUPS[purpose]).join(":");
}

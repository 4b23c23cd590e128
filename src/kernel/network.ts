/** The network of an address where whole networks are judged: the first 24 bits of IPv4, the first 48 of IPv6. */
export function networkOf(address: string): string {
  const plain = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
  if (plain.includes(".")) return plain.split(".").slice(0, 3).join(".");
  const [head = ""] = plain.split("::");
  return head.split(":").slice(0, 3).join(":");
}

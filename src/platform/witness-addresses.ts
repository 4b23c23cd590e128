import { outgoingFault } from "./outgoing.js";

/** A witness as it is configured: its verifier key, and the prefix of its address without a slash at its end. */
export interface WitnessAddress {
  readonly verifierKey: string;
  readonly url: string;
}

/**
 * Reads `QUITTANCE_WITNESSES`: pairs of a verifier key and an address, a comma or a line between them. Throws a
 * sentence for people where an address is none, or must not be called in production.
 */
export function witnessAddressesIn(text: string, isProduction: boolean): WitnessAddress[] {
  const pairs = text.split(/[,\n]/).map((pair) => pair.trim());
  return pairs
    .filter((pair) => pair !== "")
    .map((pair) => {
      const [verifierKey = "", url = "", ...rest] = pair.split(/\s+/);
      const fault = outgoingFault(url, { isProduction });
      if (rest.length > 0 || fault !== null) {
        throw new Error(
          `QUITTANCE_WITNESSES: "${pair}" is not "<verifier key> <address>": ${url} ${fault ?? "has more behind it"}.`,
        );
      }
      return { verifierKey, url: url.replace(/\/$/, "") };
    });
}

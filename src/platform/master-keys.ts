import { sha256 } from "../kernel/digest.js";
import type { Config } from "./config.js";
import { seal, unseal } from "./seal.js";

/** A secret under a master key, which is named. */
export interface WrappedSecret {
  readonly masterKey: string;
  readonly sealed: Buffer;
}

/**
 * The master keys, which wrap tenants' data keys and nothing else. A key management service fits behind it: it keeps
 * its keys to itself, and wraps and unwraps when asked.
 */
export interface MasterKeys {
  /** The name of the key that wraps now. */
  readonly current: string;
  /** Keys of the configuration, under which secrets lay directly before there were data keys. */
  readonly direct: readonly Buffer[];
  wrap(secret: Uint8Array, purpose: string): Promise<WrappedSecret>;
  /** Throws when the key that is named is not there, or did not wrap this for that purpose. */
  unwrap(wrapped: WrappedSecret, purpose: string): Promise<Buffer>;
}

/** The master keys of the configuration: one wraps, the others unwrap what they wrapped before. */
export function configuredMasterKeys({ masterKey, otherMasterKeys }: Config): MasterKeys {
  const direct = [masterKey, ...otherMasterKeys];
  const byName = new Map(direct.map((key) => [nameOf(key), key]));
  const current = nameOf(masterKey);
  return {
    current,
    direct,
    wrap: async (secret, purpose) => ({ masterKey: current, sealed: seal(masterKey, secret, purpose) }),
    unwrap: async ({ masterKey: name, sealed }, purpose) => {
      const key = byName.get(name);
      if (key === undefined)
        throw new Error(`The master key ${name} is not configured; see QUITTANCE_MASTER_KEYS_OTHER.`);
      return unseal(key, sealed, purpose);
    },
  };
}

/** A name that tells keys apart and nothing of them: 64 bits of a hash. */
function nameOf(key: Buffer): string {
  return sha256(Buffer.concat([Buffer.from("quittance master key\n"), key]))
    .subarray(0, 8)
    .toString("hex");
}

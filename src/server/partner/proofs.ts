import { epochSeconds, systemClock } from "../../kernel/clock.js";
import { sha256 } from "../../kernel/digest.js";
import { newId } from "../../kernel/ids.js";

/** A request to be proven, with the access token that goes with it where there is one. */
export interface ProofInput {
  readonly method: string;
  readonly url: string;
  readonly token: string | null;
}

/** Proves possession of a client's key, request by request (DPoP, RFC 9449). */
export interface Prover {
  /** A new proof, with the last nonce that was learned. */
  prove(request: ProofInput): Promise<string>;
  /** Learns the nonce of an answer; true where the very same request is to be sent again with it. */
  learn(response: Response): Promise<boolean>;
}

const NONCE_WANTED = '"use_dpop_nonce"';

/** Opens a prover, which signs the claims of each proof by `sign`; nothing is asked of the server yet. */
export function openProver(sign: (claims: string) => Promise<string>): Prover {
  let nonce: string | null = null;
  return {
    prove({ method, url, token }) {
      const claims = { jti: newId("tok", systemClock), htm: method, htu: url, iat: epochSeconds(systemClock.now()) };
      const bound = token === null ? {} : { ath: sha256(token).toString("base64url") };
      const answered = nonce === null ? {} : { nonce };
      return sign(JSON.stringify({ ...claims, ...bound, ...answered }));
    },
    async learn(response) {
      nonce = response.headers.get("dpop-nonce") ?? nonce;
      return [400, 401].includes(response.status) && (await response.clone().text()).includes(NONCE_WANTED);
    },
  };
}

import { type CodedError, ErrorCode } from "../kernel/errors.js";
import { SIGNATURE_ALGORITHMS } from "../kernel/signature.js";

const ALGORITHMS = `algs="${SIGNATURE_ALGORITHMS.join(" ")}"`;

/**
 * `WWW-Authenticate` of a request that was refused for its credentials (RFC 6750, section 3; RFC 9449, section 7.1):
 * the schemes there are where it had none, else the scheme it used and what is wrong. Null for other refusals.
 */
export function challengeOf({ code, details }: CodedError, authorization: string | undefined): string | null {
  const { scope, oauthError = "invalid_token", hint = "The access token is not valid." } = details;
  const isDpop = /^dpop /i.test(authorization ?? "");
  const schemeOf = (parameters: string) => (isDpop ? `DPoP ${parameters}, ${ALGORITHMS}` : `Bearer ${parameters}`);
  if (code === ErrorCode.FORBIDDEN) {
    return scope === undefined ? null : schemeOf(`error="insufficient_scope", scope="${String(scope)}"`);
  }
  if (code !== ErrorCode.UNAUTHENTICATED) return null;
  if (authorization === undefined) return `Bearer, DPoP ${ALGORITHMS}`;
  return schemeOf(`error="${String(oauthError)}", error_description="${String(hint)}"`);
}

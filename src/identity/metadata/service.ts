import { SCOPES } from "../../kernel/actor.js";
import { SIGNATURE_ALGORITHMS } from "../../kernel/signature.js";
import type { App } from "../../platform/app.js";
import { ASSERTION_ALGORITHMS } from "../assertions/rules.js";
import { REVOCATION_PATH, TOKEN_PATH } from "../assertions/service.js";

/** Path of the platform's public keys under the public URL. */
export const JWKS_PATH = "/.well-known/jwks.json";

/** What an authorization server says of itself (RFC 8414, section 2; RFC 9449, section 5.1). */
export interface ServerMetadata {
  readonly issuer: string;
  readonly token_endpoint: string;
  readonly jwks_uri: string;
  readonly scopes_supported: readonly string[];
  readonly response_types_supported: readonly string[];
  readonly grant_types_supported: readonly string[];
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly revocation_endpoint: string;
  readonly revocation_endpoint_auth_methods_supported: readonly string[];
  readonly revocation_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly dpop_signing_alg_values_supported: readonly string[];
}

const METHODS = ["private_key_jwt"];

/** The metadata document of this installation's authorization server. */
export function serverMetadata(app: App): ServerMetadata {
  const issuer = app.config.publicUrl;
  return {
    issuer,
    token_endpoint: issuer + TOKEN_PATH,
    jwks_uri: issuer + JWKS_PATH,
    scopes_supported: SCOPES,
    response_types_supported: [], // RFC 8414 wants the member; there is no authorization endpoint
    grant_types_supported: ["client_credentials"],
    token_endpoint_auth_methods_supported: METHODS,
    token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    revocation_endpoint: issuer + REVOCATION_PATH,
    revocation_endpoint_auth_methods_supported: METHODS,
    revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    dpop_signing_alg_values_supported: SIGNATURE_ALGORITHMS,
  };
}

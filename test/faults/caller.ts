import type { Place } from "../settlement/place.js";
import type { SeededClient } from "../support/seeds.js";
import type { World } from "./world.js";

/** What came back: data, a refusal for good, or nothing that says what became of it. */
export type Answered =
  | { readonly kind: "data"; readonly data: ReturnType<JSON["parse"]> }
  | { readonly kind: "refused"; readonly code: string }
  | { readonly kind: "lost"; readonly reason: string };

/** A partner's balances, in cents. */
export interface SeenBalances {
  readonly version: string;
  readonly sumCents: bigint;
  readonly cents: Readonly<Record<string, bigint>>;
}

const REQUEST_MS_MAX = 20_000;
const TOKEN_KEPT_MS = 300_000;
const BALANCES = `query ($id: ID!, $atLeast: String) {
  partner(id: $id) { balances(atLeast: $atLeast) { version accounts { account balance { amount currency } } } }
}`;

/** Asks the api over the line as a partner's or a tenant's client; tokens are got past the faults. */
export class Caller {
  readonly #tokens = new Map<SeededClient, { readonly token: Promise<string>; readonly until: number }>();

  constructor(readonly world: World) {}

  async ask(client: SeededClient, query: string, variables: Readonly<Record<string, unknown>>): Promise<Answered> {
    try {
      const response = await fetch(`${this.world.line.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${await this.#tokenOf(client)}` },
        body: JSON.stringify({ query, variables }),
        signal: AbortSignal.timeout(REQUEST_MS_MAX),
      });
      const { data, errors } = JSON.parse(await response.text());
      if (errors === undefined) return { kind: "data", data };
      const [{ message, extensions }] = errors;
      const { code, retryable } = extensions;
      if (retryable === true) return { kind: "lost", reason: String(code) };
      return { kind: "refused", code: code === "INTERNAL" ? `INTERNAL: ${message}` : String(code) };
    } catch (error) {
      return { kind: "lost", reason: String(error) };
    }
  }

  /** A partner's balances from the API; null when they could not be had. */
  async balances(place: Place, atLeast: string | null): Promise<SeenBalances | null> {
    const answer = await this.ask(place, BALANCES, { id: place.partner.id, atLeast });
    if (answer.kind !== "data") return null;
    const { version, accounts } = answer.data.partner.balances;
    const cents: Record<string, bigint> = {};
    for (const { account, balance } of accounts) {
      cents[account] = (cents[account] ?? 0n) + BigInt(String(balance.amount).replace(".", ""));
    }
    return { version, cents, sumCents: Object.values(cents).reduce((sum, each) => sum + each, 0n) };
  }

  /** A token, renewed in time; a database that is away right then is asked again by the next call. */
  #tokenOf(client: SeededClient): Promise<string> {
    const known = this.#tokens.get(client);
    if (known !== undefined && performance.now() < known.until) return known.token;
    const token = client.token();
    this.#tokens.set(client, { token, until: performance.now() + TOKEN_KEPT_MS });
    token.catch(() => this.#tokens.delete(client));
    return token;
  }
}

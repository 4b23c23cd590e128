import { Field, ObjectType, Query, Resolver, registerEnumType } from "type-graphql";
import { ErrorCode } from "../kernel/errors.js";

/** What a code means and what a caller does about it, each a sentence. */
interface Explanation {
  readonly meaning: string;
  readonly remedy: string;
}

const EXPLANATIONS: Readonly<Record<ErrorCode, Explanation>> = {
  UNAUTHENTICATED: {
    meaning: "No access token came, or it is expired, revoked or not ours, or its DPoP proof is no good.",
    remedy: "Get a new one from `/oauth/token` and ask again; `oauthError` tells where a new proof will do.",
  },
  FORBIDDEN: {
    meaning: "The access token lacks the scope that the field names.",
    remedy: "Ask for a token with that scope, or have your client given it.",
  },
  NOT_FOUND: {
    meaning: "There is no such thing, or it is not yours to see; the two are never told apart.",
    remedy: "Check the id, and that your client belongs to the tenant and partner.",
  },
  VALIDATION: {
    meaning: "The request or a value in it has the wrong form; `path` says where.",
    remedy: "Correct the request; the same one is always refused.",
  },
  IDEMPOTENCY_CONFLICT: {
    meaning: "The idempotency key, or the `jti` of something signed, was used before for something else.",
    remedy: "Send the first request again as it was, or take a new key.",
  },
  SIGNATURE_INVALID: {
    meaning: "The signed envelope fails a check; `check` names it, `kid` the key.",
    remedy: "Sign again; if it persists compare algorithm, key and the bytes that are signed.",
  },
  ENCRYPTION_INVALID: {
    meaning:
      "The encrypted envelope fails a check; `check` names it. `DECRYPTION` is all that is said of what stays closed.",
    remedy: "Encrypt again for a key of `encryptionKeys` that is not retired, with an `alg` and `enc` of the list.",
  },
  ENCRYPTION_REQUIRED: {
    meaning: "The partner's batches are taken encrypted only, and this one came signed alone.",
    remedy: "Encrypt the signed batch for one of `encryptionKeys` and send that.",
  },
  KEY_UNKNOWN: {
    meaning: "No key of that `kid` is registered for the signer.",
    remedy: "Register the public key, or correct the `kid` in the header.",
  },
  KEY_REVOKED: {
    meaning: "The key was revoked; nothing new is accepted from it.",
    remedy: "Sign with another registered key.",
  },
  KEY_NOT_USABLE: {
    meaning:
      "The key may not be used for this now; `obstacle` says why: it is not approved, suspended, expired, or else.",
    remedy: "Sign with another registered key, or have the tenant approve or resume this one.",
  },
  KEY_NOT_OWNED: {
    meaning: "The key belongs to another signer than the one that the payload names.",
    remedy: "Sign with a key of the `iss`, and send it with that signer's own token.",
  },
  REPLAY_DETECTED: {
    meaning: "Something that may be used once came a second time.",
    remedy: "Make a new assertion with a fresh `jti`.",
  },
  CLOCK_SKEW: {
    meaning: "An instant is too far from the server's clock.",
    remedy: "Set the clock by NTP, then sign again.",
  },
  PERIOD_CLOSED: {
    meaning: "The settlement period is closed; closed periods never change.",
    remedy: "Send it for the open period, where it counts as late.",
  },
  PERIOD_UNKNOWN: {
    meaning: "No settlement period holds that instant.",
    remedy: "Check the instant, and from when the partner's configuration is active.",
  },
  VERSION_CONFLICT: {
    meaning: "What you meant to change has changed since you read it.",
    remedy: "Read it again and decide anew.",
  },
  DISPUTE_WINDOW_CLOSED: {
    meaning: "The statement can no longer be disputed: its window is over, or the partner acknowledged it.",
    remedy: "Speak with the tenant, who can correct it by an adjustment.",
  },
  INSUFFICIENT_CREDIT: {
    meaning: "Prepaid credit does not cover a draw-down, or credit that was used would be taken back.",
    remedy: "Buy credit, then send it again; credit that was used stays bought.",
  },
  RATE_MISSING: {
    meaning: "A currency is converted at the close of the period, and no rate for it was entered.",
    remedy: "Enter the rate with `enterExchangeRate`; the period is then settled by itself.",
  },
  RULE_FAILED: {
    meaning: "The rule of a configuration gives no answer, or none of the right kind, about some of the activity.",
    remedy: "Write a version whose rule answers, try it with `tryRule`, and put it in force from the period's start.",
  },
  LIMIT_EXCEEDED: {
    meaning: "The request is over a limit of size, depth or number.",
    remedy: "Send less at once.",
  },
  RATE_LIMITED: {
    meaning: "More waits or comes in at the moment than may; what was sent was not looked at.",
    remedy: "Wait for `retryAfterMs`, then send the very same again, as often as it takes.",
  },
  QUARANTINED: {
    meaning: "The client is blocked: by a person, or because what it did looks like an attack.",
    remedy: "Speak with the tenant. A block that was made automatically ends by itself after `retryAfterMs`.",
  },
  CURRENCY_UNKNOWN: {
    meaning: "The currency is not known here, the partner does not list it, or banks do not transfer it.",
    remedy: "Use a listed currency, or have it added to the partner.",
  },
  KIND_NOT_ALLOWED: {
    meaning: "This signer may not send that kind of transaction, or the partner's terms have no place for it.",
    remedy: "Have the tenant sign its own kinds; credit needs terms that speak of it (`credit`).",
  },
  ROLLBACK_MISMATCH: {
    meaning: "A rollback differs from its original in amount or currency; it reverses the whole.",
    remedy: "Send it with the original's amount and currency.",
  },
  ALREADY_REVERSED: {
    meaning: "The transaction was reversed before.",
    remedy: "Do nothing: it is reversed.",
  },
  BATCH_ABORTED: {
    meaning: "Another item of the same `ATOMIC` batch was refused, and so all were.",
    remedy: "Correct the refused item and send a new batch.",
  },
  REMOVED: {
    meaning: "What is asked for, or would be reversed, was exported and removed after the tenant's retention.",
    remedy: "Ask the tenant for its export; settle what is still owed by an `ADJUSTMENT`.",
  },
  CURSOR_EXPIRED: {
    meaning: "The cursor or sequence reaches further back than is kept.",
    remedy: "Begin without it.",
  },
  UNAVAILABLE: {
    meaning: "Something we need cannot be reached at the moment.",
    remedy: "Ask again after a pause, with the same idempotency key.",
  },
  INTERNAL: {
    meaning: "A fault of ours.",
    remedy: "Tell us the `requestId`; repeating with the same idempotency key is safe.",
  },
};

registerEnumType(ErrorCode, {
  name: "ErrorCode",
  description: "Every code that `extensions.code` of an error may have; a closed list.",
  valuesConfig: Object.fromEntries(
    Object.entries(EXPLANATIONS).map(([code, { meaning }]) => [code, { description: meaning }]),
  ),
});

/** One error code explained. */
@ObjectType({ description: "What an error code means, and what to do about it." })
export class ErrorExplanation implements Explanation {
  @Field(() => ErrorCode, { description: "As in `extensions.code`." })
  readonly code!: ErrorCode;

  @Field(() => String, { description: "What happened, in a sentence." })
  readonly meaning!: string;

  @Field(() => String, { description: "What the caller does about it, in a sentence." })
  readonly remedy!: string;
}

/** The list of error codes, for anybody. */
@Resolver()
export class ErrorCodeResolver {
  @Query(() => [ErrorExplanation], { description: "Every error code with its meaning; needs no access token." })
  errorCodes(): ErrorExplanation[] {
    return explanations();
  }
}

/** The page about error codes, in Markdown, one heading a code. */
export function errorPage(): string {
  const sections = explanations().map(({ code, meaning, remedy }) => `## ${code}\n\n${meaning}\n${remedy}\n`);
  return `# Error codes\n\nEvery error names one of these codes in \`extensions.code\`.\n\n${sections.join("\n")}`;
}

function explanations(): ErrorExplanation[] {
  return Object.values(ErrorCode).map((code) => ({ code, ...EXPLANATIONS[code] }));
}

import { registerEnumType } from "type-graphql";

/** Why a key is revoked. */
export enum RevocationCause {
  COMPROMISED = "COMPROMISED",
  SUPERSEDED = "SUPERSEDED",
  OTHER = "OTHER",
}

registerEnumType(RevocationCause, {
  name: "RevocationCause",
  description: "Why a key is revoked.",
  valuesConfig: {
    COMPROMISED: { description: "Somebody else may have used it, since an instant that is named with it." },
    SUPERSEDED: { description: "Another key has taken its place." },
    OTHER: { description: "Any other reason, as said in words." },
  },
});

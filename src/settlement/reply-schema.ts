import { z } from "zod";

/** The `typ` of a partner's signed acknowledgement of a statement. */
export const ACKNOWLEDGEMENT_TYPE = "quittance-acknowledgement+jws";
/** The `typ` of a partner's signed dispute of a statement. */
export const DISPUTE_TYPE = "quittance-dispute+jws";
/** The `typ` of a partner's signed withdrawal of a dispute. */
export const WITHDRAWAL_TYPE = "quittance-dispute-withdrawal+jws";

/** Characters of the compact JWS of a reply. */
export const REPLY_BYTES_MAX = 256 * 1024;
const LINES_MAX = 100;
const EVIDENCE_MAX = 100;
const TEXT_MAX = 2_000;

const code = z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/, "must be 1 to 64 of [A-Za-z0-9._:-]");
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be SHA-256 in lower-case hexadecimal");
const text = z
  .string()
  .min(1)
  .max(TEXT_MAX)
  .refine((value) => !/\p{Surrogate}/u.test(value), "is not well-formed text");
const statement = z
  .strictObject({ id: code, sha256: sha256.describe("Of the statement's compact JWS, as it was read.") })
  .describe("The statement that is replied to.");
const line = z.strictObject({
  line: z.int().min(0).max(49_999).describe("Which of the statement's `lines`, from 0."),
  claimed: z
    .string()
    .regex(/^-?\d{1,18}(?:\.\d{1,8})?$/, "must be a decimal string")
    .optional()
    .describe("What its amount should be, in the statement's currency."),
  reason: text.optional().describe("What is wrong with that line."),
});
const evidence = z.strictObject({
  kind: z.enum(["TRANSACTION", "BATCH", "DOCUMENT"]),
  id: code.describe("A transaction's own id, a batch's id or `jti`, or the name of a document."),
  sha256: sha256.optional().describe("Of a batch's payload, or of the document's bytes."),
  text: text.optional().describe("What it shows."),
});

/** What an acknowledgement says besides `iss`, `aud`, `jti` and `iat`. */
export const acknowledgementSchema = z.strictObject({ statement });

/** What a dispute says besides these. */
export const disputeSchema = z.strictObject({
  statement,
  reason: text.describe("What is disputed, in words."),
  lines: z.array(line).min(1).max(LINES_MAX).describe("The lines that are disputed, each once."),
  evidence: z.array(evidence).max(EVIDENCE_MAX).optional().describe("What it stands on."),
});

/** What a withdrawal says besides these. */
export const withdrawalSchema = z.strictObject({ statement, dispute: code.describe("The dispute that is withdrawn.") });

/** What a dispute says. */
export type DisputeContent = z.infer<typeof disputeSchema>;

/** The JSON Schema (draft 2020-12) of the payloads that partners reply with, by `typ` (`schema/reply.schema.json`). */
export function replyJsonSchema(): object {
  const claims = {
    iss: code.describe("The partner."),
    aud: code.describe("The tenant."),
    jti: code,
    iat: z.int().min(0),
  };
  const { $schema, ...schemas } = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    acknowledgement: z.toJSONSchema(acknowledgementSchema.extend(claims).meta({ title: ACKNOWLEDGEMENT_TYPE })),
    dispute: z.toJSONSchema(disputeSchema.extend(claims).meta({ title: DISPUTE_TYPE })),
    withdrawal: z.toJSONSchema(withdrawalSchema.extend(claims).meta({ title: WITHDRAWAL_TYPE })),
  };
  return { $schema, title: "Quittance replies to statements", oneOf: Object.values(schemas) };
}

import { createHmac, timingSafeEqual } from "node:crypto";
import { isId } from "../../kernel/ids.js";

/** How long an invitation may be taken up. */
export const INVITATION_DAYS = 3;

/** Who is invited, and by which invitation: the instant it was made tells it from those before. */
export interface InvitationRef {
  readonly tenantId: string;
  readonly userId: string;
  readonly invitedAt: Date;
}

/**
 * The secret text of an invitation. It is made of the row under the master key (HMAC-SHA-256), so that nothing secret
 * is stored, and a repeated request gets the same link.
 */
export function invitationText(masterKey: Uint8Array, ref: InvitationRef): string {
  return [ref.tenantId, ref.userId, ref.invitedAt.getTime(), macOf(masterKey, ref).toString("base64url")].join(".");
}

/** The invitation that a text names, when it is ours to the letter; whether it is still open is for the row to say. */
export function invitationIn(masterKey: Uint8Array, text: string): InvitationRef | null {
  const [tenantId = "", userId = "", at = ""] = text.split(".");
  if (!isId(tenantId, "tnt") || !isId(userId, "usr") || !/^\d{1,15}$/.test(at)) return null;
  const ref = { tenantId, userId, invitedAt: new Date(Number(at)) };
  const [given, right] = [Buffer.from(text), Buffer.from(invitationText(masterKey, ref))];
  return given.length === right.length && timingSafeEqual(given, right) ? ref : null;
}

function macOf(masterKey: Uint8Array, { tenantId, userId, invitedAt }: InvitationRef): Buffer {
  return createHmac("sha256", masterKey).update(`invitation:${tenantId}:${userId}:${invitedAt.getTime()}`).digest();
}

import type { UserSession } from "./entities.js";

/** How long a session lasts, used or not (NIST SP 800-63B, AAL2). */
export const SESSION_LIFE_MS = 12 * 3_600_000;
/** How long a session lasts that nobody uses (the same). */
export const SESSION_IDLE_MS = 30 * 60_000;
const AGENT_LENGTH_MAX = 200;

/** Whether a session is still good at an instant. */
export function isOpen({ endedAt, endsAt, usedAt }: Pick<UserSession, "endedAt" | "endsAt" | "usedAt">, now: Date) {
  return endedAt === null && now < endsAt && now.getTime() - usedAt.getTime() < SESSION_IDLE_MS;
}

/** What a browser calls itself, as it is kept: printable ASCII, at most 200 characters. */
export function agentOf(header: string): string {
  return header.replace(/[^\x20-\x7e]/g, "?").slice(0, AGENT_LENGTH_MAX);
}

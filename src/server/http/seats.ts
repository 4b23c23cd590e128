import type { Actor } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";
import { serverError } from "../errors.js";

const seatsOf = perApp(() => new Map<string, number>());

/** Takes one of a client's places for live connections in this process, until what it answers is called. */
export function takeSeat(app: App, { principalId }: Actor): () => void {
  const seats = seatsOf(app);
  const { liveMax } = app.config.http;
  const taken = seats.get(principalId) ?? 0;
  if (taken >= liveMax) throw serverError("LIMIT_EXCEEDED", { reason: `${liveMax} live connections at once.` });
  seats.set(principalId, taken + 1);
  let isTaken = true;
  return () => {
    if (!isTaken) return;
    isTaken = false;
    const left = (seats.get(principalId) ?? 1) - 1;
    if (left === 0) seats.delete(principalId);
    else seats.set(principalId, left);
  };
}

import { policyOf } from "../../identity/policies/service.js";
import type { Actor } from "../../kernel/actor.js";
import { CodedError, ErrorCode } from "../../kernel/errors.js";
import { ratedNetwork } from "../../kernel/network.js";
import type { App } from "../../platform/app.js";
import { type Metered, takePoints } from "../../platform/rates.js";
import { openContext, type RequestContext, type RequestFacts } from "./context.js";
import { type AskedOperation, guardOperation, InvalidDocument } from "./guard.js";

/** What is paid for with points of a rate, of which a client has 200,000 every ten seconds. */
const POINTS = {
  request: 1,
  /** Reading a document and finding it bad takes some milliseconds, and whoever sends one may send more. */
  refusedDocument: 200,
  /** A signature was verified for nobody. */
  badToken: 20,
  download: 100,
} as const;
/** Fields that an answer may take for a point. */
const COST_PER_POINT = 10;

/**
 * Opens the context of a request and counts it: against the client's rate, or the address where nobody signed in or the
 * token is no good (`RATE_LIMITED`, `UNAUTHENTICATED`).
 */
export async function admitCaller(app: App, facts: RequestFacts): Promise<RequestContext> {
  let context: RequestContext;
  try {
    context = await openContext(app, facts);
  } catch (error) {
    if (isCoded(error, [ErrorCode.UNAUTHENTICATED])) await chargeAddress(app, facts.address, POINTS.badToken);
    throw error;
  }
  await charge(context, POINTS.request);
  return context;
}

/**
 * Guards an operation, and counts each field of its root as a request, and what answering takes. A document that is
 * refused costs as much as two hundred requests.
 */
export async function admitOperation(context: RequestContext, operation: AskedOperation): Promise<void> {
  try {
    const { roots, cost } = guardOperation(context, operation);
    const points = Math.max(roots - POINTS.request, 0) + Math.floor(cost / COST_PER_POINT);
    if (points > 0) await charge(context, points);
  } catch (error) {
    const isHostile =
      error instanceof InvalidDocument || isCoded(error, [ErrorCode.LIMIT_EXCEEDED, ErrorCode.VALIDATION]);
    if (isHostile) await charge(context, POINTS.refusedDocument);
    throw error;
  }
}

/** Counts a download, which may read a great deal. */
export async function chargeDownload(app: App, actor: Actor): Promise<void> {
  await takePoints(app, await clientMeter(app, actor), POINTS.download);
}

/** Counts what comes from an address without a token. */
export async function chargeAddress(app: App, address: string, points: number): Promise<void> {
  await takePoints(
    app,
    { kind: "address", id: ratedNetwork(address), pointsMax: app.config.rates.addressPointsMax },
    points,
  );
}

async function charge({ app, actor, address }: RequestContext, points: number): Promise<void> {
  if (actor === null) await chargeAddress(app, address, points);
  else await takePoints(app, await clientMeter(app, actor), points);
}

async function clientMeter(app: App, actor: Actor): Promise<Metered> {
  const { ratePoints } = await policyOf(app, actor);
  return { kind: "client", id: actor.principalId, pointsMax: ratePoints ?? app.config.rates.clientPointsMax };
}

function isCoded(error: unknown, codes: readonly ErrorCode[]): boolean {
  return error instanceof CodedError && codes.includes(error.code);
}

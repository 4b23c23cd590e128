import { CompactSign } from "jose";
import { sha256Hex } from "../../src/kernel/digest.js";
import type { Statement } from "../../src/settlement/entities.js";
import { settle } from "../../src/settlement/runs/service.js";
import { statementOf } from "../../src/settlement/statements/service.js";
import type { TestApp } from "../support/app.js";
import { openPlace, type Place, type PlaceChanges, type Reported, report } from "./place.js";

/** The instants on which the first days of a place in Seoul begin. */
export const [DAY_1, DAY_2, DAY_3, DAY_4] = [
  ...["2026-03-01T15:00:00.000Z", "2026-03-02T15:00:00.000Z", "2026-03-03T15:00:00.000Z"],
  "2026-03-04T15:00:00.000Z",
] as [string, string, string, string];

let replies = 0;

/** A partner whose first day is settled: so many dollars of bets, and what else was reported. */
export async function settled(
  app: TestApp,
  dollars: number,
  changes: PlaceChanges = {},
  reported: readonly Reported[] = [],
): Promise<Place> {
  app.clock.set(DAY_1);
  const place = await openPlace(app, DAY_1, changes);
  const bets = dollars === 0 ? [] : [{ kind: "BET", amount: `${dollars}.00`, occurredAt: DAY_1 }];
  if (bets.length + reported.length > 0) await report(app, place, [...bets, ...reported]);
  await settleThrough(app, place, DAY_2);
  return place;
}

/** Settles what ends by an instant, at that instant. */
export async function settleThrough(app: TestApp, place: Place, through: string): Promise<void> {
  app.clock.set(through);
  await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(through) });
}

/** The partner's statements in dollars, earliest first. */
export async function statements(app: TestApp, { shell, partner }: Place): Promise<Statement[]> {
  const rows: { id: string }[] = await app.database.query(
    "select id from statement where tenant_no = ? and partner_no = ? and currency = 'USD' order by ends_at",
    [partner.tenantNo, partner.no],
  );
  return Promise.all(rows.map(({ id }) => statementOf(app, shell, id)));
}

/** What a test wants otherwise than a document that is signed by the partner now, about the statement as it is. */
export interface ReplyChanges {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly typ?: string;
  readonly key?: Place["key"];
}

/** Signs a reply to a statement as the partner. */
export async function signReply(
  app: TestApp,
  { key: own, tenant, partner }: Place,
  statement: Statement,
  kind: "acknowledgement" | "dispute" | "dispute-withdrawal",
  content: Readonly<Record<string, unknown>> = {},
  { claims = {}, typ = `quittance-${kind}+jws`, key = own }: ReplyChanges = {},
): Promise<string> {
  replies += 1;
  const iat = Math.floor(app.clock.now().getTime() / 1000);
  const about = { id: statement.id, sha256: sha256Hex(statement.jws) };
  const payload = {
    iss: partner.id,
    aud: tenant.id,
    jti: `reply-${replies}`,
    iat,
    statement: about,
    ...content,
    ...claims,
  };
  return new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ })
    .sign(key.privateKey);
}

import { randomBytes } from "node:crypto";
import type { App } from "./app.js";
import { type Tx, transact } from "./database.js";

/** How long a lease holds without being renewed; by the database's clock. */
const LEASE_SECONDS = 10;

/** Tells processes apart that have one name and one number, as the first processes of two containers have. */
const INSTANCE = randomBytes(8).toString("hex");
const HOLDER_CHARS_MAX = 64;

/** A lease that this process was granted; the token grows with every change of leader. */
export interface HeldLease {
  readonly name: string;
  readonly token: bigint;
}

/** Another process leads now: what this one was about to write must not be written. */
export class Fenced extends Error {
  override readonly name = "Fenced";
}

/** Takes a lease that is free or over, or renews one's own; null while another process holds it. */
export async function tryLease(app: App, name: string): Promise<HeldLease | null> {
  const holder = `${app.config.processName}:${process.pid}:${INSTANCE}`.slice(-HOLDER_CHARS_MAX);
  return transact(app, async (tx) => {
    await tx.query(
      `insert into lease (name, holder, token, expires_at) values (?, '', 0, now(3))
       on duplicate key update name = name`,
      [name],
    );
    const [row] = await tx.query(
      "select holder, token, expires_at > now(3) as is_held from lease where name = ? for update",
      [name],
    );
    const isOwn = row.holder === holder;
    if (Number(row.is_held) === 1 && !isOwn) return null;
    const token = BigInt(row.token) + (isOwn ? 0n : 1n);
    await tx.query("update lease set holder = ?, token = ?, expires_at = now(3) + interval ? second where name = ?", [
      holder,
      token,
      LEASE_SECONDS,
      name,
    ]);
    return { name, token };
  });
}

/**
 * Locks and renews the lease inside the leader's own transaction; throws `Fenced` when another process leads by now.
 */
export async function holdLease(tx: Tx, lease: HeldLease): Promise<void> {
  const [row] = await tx.query("select token from lease where name = ? for update", [lease.name]);
  if (row === undefined || BigInt(row.token) !== lease.token) throw new Fenced(`another process holds ${lease.name}`);
  await tx.query("update lease set expires_at = now(3) + interval ? second where name = ?", [
    LEASE_SECONDS,
    lease.name,
  ]);
}

/** Gives a lease back, so that the next leader need not wait for its end. */
export async function releaseLease(app: App, lease: HeldLease): Promise<void> {
  await app.database.query("update lease set expires_at = now(3) where name = ? and token = ?", [
    lease.name,
    lease.token,
  ]);
}

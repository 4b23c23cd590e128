import type { IncomingMessage } from "node:http";
import type { FastifyReply } from "fastify";
import type { App } from "../../platform/app.js";
import type { SessionCookie } from "./context.js";

/** Cookies that we set; where we are reached by https each has the prefix that binds it to this host (RFC 6265bis). */
export type CookieName = "session" | "provider" | "tenant" | "language" | "device";

const COOKIE_LENGTH_MAX = 4_096;
const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/** The session that a request brings by its cookie; null for none. */
export function sessionCookieOf(app: App, request: IncomingMessage): SessionCookie | null {
  const secret = cookieIn(app, request, "session");
  return secret === undefined ? null : { secret, isFromOurPage: isFromOurPage(app, request) };
}

/** What a cookie of ours holds in a request; undefined where it is not there, or there twice. */
export function cookieIn(app: App, { headers }: IncomingMessage, name: CookieName): string | undefined {
  const start = `${fullName(app, name)}=`;
  const found = (headers.cookie ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(start));
  const [pair, ...more] = found;
  return pair === undefined || more.length > 0 ? undefined : pair.slice(start.length);
}

/**
 * Sets a cookie of ours for so many seconds, out of scripts' reach and not sent from other sites' pages; 0 seconds take
 * it away.
 */
export function setCookie(app: App, reply: FastifyReply, name: CookieName, { value, seconds }: Cookie): void {
  const secure = isHttps(app) ? "; Secure" : "";
  const text = `${fullName(app, name)}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${seconds}${secure}`;
  if (text.length > COOKIE_LENGTH_MAX) throw new RangeError(`The cookie ${name} is too long.`);
  void reply.header("set-cookie", text);
}

/** What a cookie holds, and for how many seconds. */
export interface Cookie {
  readonly value: string;
  readonly seconds: number;
}

/**
 * Whether a page of ours sent a request, as browsers tell it: `Origin` is ours where there is one; where there is none
 * the request changes nothing, and `Sec-Fetch-Site` says that it is ours, or that somebody opened the address itself.
 */
export function isFromOurPage(app: App, { method = "GET", headers }: IncomingMessage): boolean {
  const { origin } = headers;
  if (origin !== undefined) return isOurOrigin(app, origin, headers.host);
  if ((method !== "GET" && method !== "HEAD") || headers.upgrade !== undefined) return false;
  const site = headers["sec-fetch-site"] ?? "none";
  return ["same-origin", "none"].includes(String(site)) || headers["sec-fetch-mode"] === "navigate";
}

/** On the loopback interface of a development machine every name of it is ours, with the port that was asked. */
function isOurOrigin(app: App, origin: string, host: string | undefined): boolean {
  const { publicUrl, isProduction } = app.config;
  const ours = new URL(publicUrl);
  if (origin === ours.origin) return true;
  if (isProduction || !LOOPBACK.test(ours.hostname) || !URL.canParse(origin)) return false;
  const { protocol, hostname, host: named } = new URL(origin);
  return protocol === ours.protocol && LOOPBACK.test(hostname) && named === host;
}

function fullName(app: App, name: CookieName): string {
  return `${isHttps(app) ? "__Host-" : ""}quittance-${name}`;
}

function isHttps(app: App): boolean {
  return app.config.publicUrl.startsWith("https:");
}

import type { UserSession } from "../../identity/sessions/entities.js";
import type { User } from "../../identity/users/entities.js";
import { LANGUAGES, type Language } from "../../settlement/renditions/entities.js";
import { browserName } from "./browsers.js";
import { type Html, html } from "./html.js";
import { type RefusalText, TEXTS } from "./texts.js";

/** What every page is made with. */
export interface PageFacts {
  readonly language: Language;
  /** What was refused; null where nothing was. */
  readonly refusal: RefusalText | null;
}

/** The style of the pages; served as a file, since their policy takes no other. */
export const STYLE = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; background: light-dark(#f4f6f8, #14181d);
  --accent: light-dark(#0b5cad, #8ec5ff); --on-accent: light-dark(#fff, #10151a); --line: light-dark(#7b8794, #8a97a5);
  --edge: light-dark(#d5dbe1, #2f3841); --paper: light-dark(#fff, #1c2229); --field: light-dark(#fff, #14181d); }
body { margin: 0; display: grid; grid-template-columns: minmax(0, 28rem); justify-content: center; padding: 2rem 1rem;
  color: light-dark(#1f2933, #e4e9ee); }
body > * { word-break: keep-all; overflow-wrap: anywhere; }
header { font-weight: 700; letter-spacing: .02em; margin-bottom: 1rem; }
main { background: var(--paper); border: 1px solid var(--edge); border-radius: .75rem; padding: 1.5rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; } h2 { font-size: 1.1rem; margin: 0; }
section { border-top: 1px solid var(--edge); margin-top: 1.75rem; padding-top: 1.5rem; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
input { width: 100%; box-sizing: border-box; font: inherit; color: inherit; background: var(--field); padding: .6rem;
  border: 1px solid var(--line); border-radius: .375rem; }
button, .button { display: inline-block; margin-top: 1.25rem; padding: .6rem 1.25rem; font: inherit; font-weight: 600;
  cursor: pointer; border: 1px solid var(--accent); border-radius: .375rem; background: var(--accent);
  color: var(--on-accent); text-decoration: none; }
.quiet { background: none; color: var(--accent); }
.actions { display: flex; flex-wrap: wrap; gap: 0 .75rem; }
.wide button, .wide.button { width: 100%; text-align: center; }
.wide.button { box-sizing: border-box; }
a { color: var(--accent); } a.button:not(.quiet) { color: var(--on-accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[role=alert], [role=status] { border-left: .3rem solid; padding: .5rem 1rem; margin: 0 0 1rem;
  background: var(--field); }
[role=alert] { border-color: light-dark(#b42318, #ff9b8f); }
[role=status] { border-color: light-dark(#17723b, #7ddba0); }
.hint { font-size: .875rem; margin: .25rem 0 0; }
ul { list-style: none; margin: 0; padding: 0; } li { margin-top: 1rem; }
li form { display: inline; } li button { margin: 0 0 0 .5rem; padding: .1rem .6rem; }
footer { margin-top: 1rem; font-size: .875rem; }
`;

/** Where somebody signs in: by password, by a provider, or either. */
export function signInPage(
  facts: PageFacts,
  given: { readonly tenantId: string | null; readonly email: string } & Doors,
): string {
  const texts = TEXTS[facts.language];
  const { tenantId, email, provider, takesPasswords } = given;
  const tenant =
    tenantId === null
      ? html`${field("tenant", texts.tenant, { hint: texts.tenantHint, autocomplete: "organization" })}`
      : html`<input type="hidden" name="tenant" value="${tenantId}">`;
  const byProvider =
    provider === null || tenantId === null
      ? null
      : html`<p><a class="button wide" href="/sign-in/provider?tenant=${tenantId}">${texts.withProvider(provider)}</a></p>`;
  const byPassword = html`<form class="wide" method="post" action="/sign-in">
${tenant}
${field("email", texts.email, { type: "email", autocomplete: "username", value: email })}
${field("password", texts.password, { type: "password", autocomplete: "current-password" })}
<button>${texts.signIn}</button>
</form>`;
  const path = tenantId === null ? "/sign-in?" : `/sign-in?tenant=${tenantId}&`;
  return page(facts, { title: texts.signIn, path, body: html`${byProvider}${takesPasswords ? byPassword : null}` });
}

/** The ways in to a tenant. */
export interface Doors {
  /** What the provider's button says; null without a provider. */
  readonly provider: string | null;
  readonly takesPasswords: boolean;
}

/** Where somebody takes an invitation up. */
export function joinPage(
  facts: PageFacts,
  { invitation, user, tenantName, provider, takesPasswords }: Invitee & Doors,
): string {
  const texts = TEXTS[facts.language];
  const byProvider =
    provider === null
      ? null
      : html`<p><a class="button wide" href="/sign-in/provider?invitation=${invitation}">${texts.withProvider(provider)}</a></p>`;
  const byPassword = html`<form class="wide" method="post" action="/join">
<input type="hidden" name="invitation" value="${invitation}">
<p><strong>${texts.email}</strong><br>${user.email}</p>
<input type="hidden" name="email" autocomplete="username" value="${user.email}">
${field("password", texts.newPassword, { type: "password", autocomplete: "new-password", hint: texts.passwordHint })}
${field("repeated", texts.repeated, { type: "password", autocomplete: "new-password" })}
<button>${texts.join}</button>
</form>`;
  const body = html`<p>${texts.welcome(user.name, tenantName)}</p>${byProvider}${takesPasswords ? byPassword : null}`;
  return page(facts, { title: texts.join, path: `/join?invitation=${invitation}&`, body });
}

/** Who is invited, by which link, to what. */
export interface Invitee {
  readonly invitation: string;
  readonly user: User;
  readonly tenantName: string;
}

/** What somebody sees who is signed in. */
export interface Account {
  readonly user: User;
  readonly roles: readonly (keyof (typeof TEXTS)["en"]["role"])[];
  readonly tenantName: string;
  /** Those that are open. */
  readonly sessions: readonly UserSession[];
  readonly sessionId: string;
  readonly hasPassword: boolean;
  readonly isPasswordChanged: boolean;
  /** Where the API may be tried in the browser; null where it may not. */
  readonly graphiql: string | null;
}

/** Who one is, where one is signed in, and how to leave. */
export function accountPage(facts: PageFacts, account: Account): string {
  const texts = TEXTS[facts.language];
  const { user, roles, tenantName, sessions, graphiql } = account;
  const passwordForm = html`<section><h2>${texts.changePassword}</h2>
<form method="post" action="/account/password">
<input type="hidden" name="email" autocomplete="username" value="${user.email}">
${field("current", texts.oldPassword, { type: "password", autocomplete: "current-password" })}
${field("password", texts.newPassword, { type: "password", autocomplete: "new-password", hint: texts.passwordHint })}
${field("repeated", texts.repeated, { type: "password", autocomplete: "new-password" })}
<button>${texts.change}</button>
</form></section>`;
  const body = html`${account.isPasswordChanged ? html`<p role="status">${texts.changed}</p>` : null}
<p>${texts.signedInAs(user.name, tenantName)}</p>
<p>${texts.roles}: ${roles.map((role) => texts.role[role]).join(", ")}</p>
<div class="actions">${graphiql === null ? null : html`<a class="button quiet" href="${graphiql}">${texts.tryApi}</a>`}
<form method="post" action="/sign-out"><button class="quiet">${texts.signOut}</button></form></div>
<section><h2>${texts.sessions}</h2>
<ul>${sessions.map((session) => sessionItem(facts, session, account.sessionId))}</ul></section>
${account.hasPassword ? passwordForm : null}`;
  return page(facts, { title: texts.account, path: "/account?", body });
}

/** A page that says why something is refused, and nothing else. */
export function refusalPage(facts: PageFacts): string {
  const texts = TEXTS[facts.language];
  const body = html`<p><a href="/sign-in">${texts.back}</a></p>`;
  return page(facts, { title: texts.signIn, path: "/sign-in?", body });
}

function sessionItem({ language }: PageFacts, session: UserSession, currentId: string): Html {
  const texts = TEXTS[language];
  const { id, agent, address, startedAt } = session;
  const since = startedAt.toISOString();
  const mark = html`<strong>(${texts.thisOne})</strong>`;
  const button = html`<form method="post" action="/account/sessions/end">
<input type="hidden" name="session" value="${id}"><button class="quiet">${texts.end}</button></form>`;
  return html`<li>${texts.session(browserName(agent), address ?? "?")}<br>
${texts.since} <time datetime="${since}">${since.slice(0, 16).replace("T", " ")} UTC</time>
${id === currentId ? mark : button}</li>`;
}

interface FieldOptions {
  readonly type?: string;
  readonly autocomplete: string;
  readonly hint?: string;
  readonly value?: string;
}

function field(name: string, label: string, options: FieldOptions): Html {
  const { type = "text", autocomplete, hint, value = "" } = options;
  const described = hint === undefined ? null : html` aria-describedby="${name}-hint"`;
  return html`<label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" value="${value}"
 required${described}>
${hint === undefined ? null : html`<p class="hint" id="${name}-hint">${hint}</p>`}`;
}

interface PageContent {
  readonly title: string;
  /** Its own address, to which a parameter may be added. */
  readonly path: string;
  readonly body: Html;
}

function page({ language, refusal }: PageFacts, { title, path, body }: PageContent): string {
  const texts = TEXTS[language];
  const others = LANGUAGES.filter((each) => each !== language);
  const links = others.map(
    (other) => html`<a lang="${other}" hreflang="${other}" href="${path}lang=${other}">
${other === "ko" ? "한국어" : "English"}</a>`,
  );
  return html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Quittance</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/people.css">
</head>
<body>
<header>Quittance</header>
<main>
<h1>${title}</h1>
${refusal === null ? null : html`<p role="alert">${texts.refused[refusal]}</p>`}
${body}
</main>
<footer><nav aria-label="${language === "ko" ? "언어" : "Language"}">${links}</nav></footer>
</body>
</html>
`.html;
}

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { Role } from "../../src/identity/users/entities.js";
import { createUser } from "../../src/identity/users/service.js";
import { browserName } from "../../src/server/people/browsers.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { openBrowser } from "../support/browser.js";
import { CHROMIUM, openTab, type Tab } from "../support/chromium.js";
import { PASSWORD } from "../support/people.js";
import { seedTenant } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);
const Violations = z.array(z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string() })) }));
/** Where to keep pictures of the pages, for who wants to look at them. */
const pictures = process.env["PICTURES"] ?? null;
const paths = new Map<string, string>();
let secret = "";

beforeAll(async () => {
  const home = await seedTenant(app, "Aurora Interactive Entertainment");
  const person = (email: string) => ({ email, name: "김민준 Min-jun Kim", roles: [Role.ADMIN, Role.AUDITOR] });
  const { invitation } = await createUser(app, home.actor, person("min-jun.kim@finance.aurora-interactive.example"));
  const open = await createUser(app, home.actor, person("another.person@finance.aurora-interactive.example"));
  const text = new URL(invitation.url).searchParams.get("invitation") ?? "";
  const browser = openBrowser(api.url);
  await browser.post("/join", { invitation: text, password: PASSWORD, repeated: PASSWORD });
  secret = browser.cookies.get("quittance-session") ?? "";
  const tenant = `tenant=${home.tenant.id}`;
  paths.set("sign-in", `/sign-in?${tenant}&`).set("sign-in without a tenant", "/sign-in?");
  paths.set("invitation", `${new URL(open.invitation.url).pathname}${new URL(open.invitation.url).search}&`);
  paths.set("invitation that is over", `/join?invitation=${text}&`);
  paths.set("no provider", `/sign-in/provider?${tenant}&`).set("account", "/account?changed=1&");
});

describe.skipIf(CHROMIUM === null)("in a browser", () => {
  let tab: Tab;
  beforeAll(async () => {
    tab = await openTab(CHROMIUM ?? "");
    await tab.setCookie(api.url, "quittance-session", secret);
  });
  afterAll(() => tab.close());

  const views = [
    { name: "a phone", width: 320, isDark: false },
    { name: "a desk", width: 1280, isDark: false },
    { name: "a phone at night", width: 390, isDark: true },
  ];
  const languages = ["en", "ko"];
  const pages = [
    "sign-in",
    "sign-in without a tenant",
    "invitation",
    "invitation that is over",
    "no provider",
    "account",
  ];
  const looks = pages.flatMap((page) =>
    views.flatMap((view) => languages.map((language) => ({ page, view, language }))),
  );

  test.each(looks)("$page, in $language, on $view.name", async ({ page, view, language }) => {
    await tab.open(`${api.url}${paths.get(page)}lang=${language}`, view);
    if (pictures !== null) {
      const name = `${page} ${language} ${view.name}.png`.replaceAll(" ", "-");
      writeFileSync(join(pictures, name), await tab.screenshot());
    }
    await tab.evaluate(axe.source);
    const run = "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)";
    const violations = Violations.parse(await tab.evaluate(run));
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
    expect(await tab.evaluate("document.documentElement.lang")).toBe(language);
    expect(await tab.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(view.width);
  });
});

test("a tenant that is none has no provider, whatever its letters", async () => {
  for (const tenant of ["%C3%A9", "%F0%9F%98%80", "%00", "tnt_x", ""]) {
    expect((await openBrowser(api.url).get(`/sign-in/provider?tenant=${tenant}`)).status).toBe(404);
  }
});

test("a language that was chosen stays behind a form that is refused, and the next time", async () => {
  const browser = openBrowser(api.url);
  const page = paths.get("sign-in") ?? "";
  expect((await browser.get(`${page}lang=ko`)).text).toContain('<html lang="ko">');
  expect((await browser.get(page)).text).toContain('<html lang="ko">');
  const refused = await browser.post("/sign-in", { tenant: "x", email: "a@example.com", password: "wrong" });
  expect([refused.status, refused.text.includes('<html lang="ko">')]).toEqual([401, true]);
  expect((await browser.get(`${page}lang=xx`)).text).toContain('<html lang="ko">');
  expect((await browser.get(`${page}lang=en`)).text).toContain('<html lang="en">');
});

test.each([
  [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36",
    "Chrome, Windows",
  ],
  ["Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0", "Edge, Windows"],
  ["Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Whale/4.29 Safari/537.36", "Whale, Windows"],
  [
    "Mozilla/5.0 (Linux; Android 14; SM-S921N) SamsungBrowser/26.0 Chrome/122.0 Mobile Safari/537.36",
    "Samsung Internet, Android",
  ],
  ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1", "Safari, iOS"],
  ["Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox, Linux"],
  ["curl/8.5.0", "curl/8.5.0"],
])("the browser %s is called %s", (agent, name) => {
  expect(browserName(agent)).toBe(name);
});

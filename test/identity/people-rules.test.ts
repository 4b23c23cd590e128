import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClientKind } from "../../src/identity/entities.js";
import { invitationIn, invitationText } from "../../src/identity/invitations/rules.js";
import { passwordFault } from "../../src/identity/passwords/rules.js";
import { isPassword, passwordHash } from "../../src/identity/passwords/service.js";
import { isOpen, SESSION_IDLE_MS } from "../../src/identity/sessions/rules.js";
import { lockMsAfter } from "../../src/identity/sign-ins/rules.js";
import { Role } from "../../src/identity/users/entities.js";
import { emailOf, roleListOf, roleRefused, rolesIn, scopesOfRoles } from "../../src/identity/users/rules.js";
import { SCOPES } from "../../src/kernel/actor.js";
import { newId } from "../../src/kernel/ids.js";

const anyRoles = fc.uniqueArray(fc.constantFrom(...Object.values(Role)));

describe("roles", () => {
  test("are stored and read back as they are, whatever else the list holds", () => {
    fc.assert(
      fc.property(anyRoles, fc.constantFrom("", " ROOT", " admin"), (roles, more) => {
        expect(new Set(rolesIn(roleListOf(roles) + more))).toEqual(new Set(roles));
      }),
    );
  });

  test("add up: more roles never mean fewer scopes, and none is beyond what the kind may hold", () => {
    fc.assert(
      fc.property(anyRoles, anyRoles, fc.constantFrom(ClientKind.TENANT, ClientKind.OPERATOR), (some, more, kind) => {
        const both = scopesOfRoles(kind, [...some, ...more]);
        expect(both).toEqual(expect.arrayContaining(scopesOfRoles(kind, some)));
        expect(both.includes("operations:manage") && kind === ClientKind.TENANT).toBe(false);
        expect(both.includes("settlements:read") && kind === ClientKind.OPERATOR).toBe(false);
      }),
    );
    expect(scopesOfRoles(ClientKind.TENANT, [Role.ADMIN])).toEqual(
      SCOPES.filter((each) => each !== "operations:manage"),
    );
  });

  test("of drafting and approving are apart", () => {
    const [drafter, approver] = [Role.FINANCE_DRAFTER, Role.FINANCE_APPROVER].map((role) =>
      scopesOfRoles(ClientKind.TENANT, [role]),
    );
    expect([drafter?.includes("configs:draft"), drafter?.includes("configs:approve")]).toEqual([true, false]);
    expect([approver?.includes("configs:draft"), approver?.includes("configs:approve")]).toEqual([false, true]);
    expect(roleRefused(ClientKind.TENANT, [Role.AUDITOR, Role.OPERATOR])).toBe(Role.OPERATOR);
    expect(roleRefused(ClientKind.OPERATOR, [Role.ADMIN])).toBe(Role.ADMIN);
    expect(roleRefused(ClientKind.PARTNER, [Role.AUDITOR])).toBe(Role.AUDITOR);
  });
});

test.each([
  ["Min@Example.COM ", "min@example.com"],
  ["a+b@x.co", "a+b@x.co"],
  ["jos\u00e9@example.com", null],
  ["a@exampl\u0435.com", null],
  ["a@b@c", null],
  ["a b@c.d", null],
  ["@c.d", null],
  ["a@", null],
  [`${"a".repeat(65)}@c.d`, null],
])("the address %j is kept as %j", (text, kept) => {
  expect(emailOf(text)).toBe(kept);
});

test.each([
  ["correct horse battery staple", null],
  ["한국어로 된 아주 긴 비밀 문장", null],
  ["elevenchars", "LENGTH"],
  ["x".repeat(129), "LENGTH"],
  ["aaaaaaaaaaaaaaaa", "GUESSABLE"],
  ["MyPassword2026!", "GUESSABLE"],
  ["minjun-likes-tea", "GUESSABLE"],
])("the password %j is found %j", (password, fault) => {
  expect(passwordFault(password, "minjun@example.com")).toBe(fault);
});

test("a stored password is right for itself, in any form of Unicode, and for nothing else", async () => {
  const sent = (password: string) => ({ password, address: null, knownAs: null });
  const stored = await passwordHash(sent("caf\u00e9 at the corner"));
  expect(stored).toMatch(/^scrypt\$15\$8\$3\$/); // OWASP's 2^15, 8, 3
  expect(await isPassword(sent("cafe\u0301 at the corner"), stored)).toBe(true);
  expect(await isPassword(sent("cafe at the corner"), stored)).toBe(false);
  expect(await isPassword(sent(""), null)).toBe(false);
  expect(await passwordHash(sent("caf\u00e9 at the corner"))).not.toBe(stored);
});

test("one network that floods the door with passwords does not keep another one out", async () => {
  const compared: string[] = [];
  const refusals: unknown[] = [];
  const attempt = async (address: string) => {
    try {
      await isPassword({ password: "guess", address, knownAs: null }, null);
      compared.push(address);
    } catch (refusal) {
      refusals.push(refusal);
    }
  };
  const flood = Array.from({ length: 60 }, (_, each) => attempt(`192.0.2.${each}`));
  const others = ["198.51.100.1", "2001:db8:9::1"];
  await Promise.all(others.map((address) => attempt(address)));
  expect(compared).toEqual(expect.arrayContaining(others));
  expect(compared.length).toBeLessThan(15); // of the flood what was at work, and its turns: not the half of it
  await Promise.all(flood);
  expect(compared).toHaveLength(2 + 2 + 28); // at work, the others, and what of the flood kept its place
  expect(refusals).toHaveLength(30);
  expect(refusals[0]).toMatchObject({ code: "RATE_LIMITED", details: { retryAfterMs: 2_000 } });
});

test("more networks than there is room for keep out nobody who is known", async () => {
  const outcomes: string[] = [];
  const attempt = (address: string, userId: string | null) =>
    isPassword(
      { password: "guess", address, knownAs: userId === null ? null : { tenantId: "tnt_1", userId } },
      null,
    ).then(
      () => void outcomes.push(userId ?? "stranger"),
      () => void outcomes.push("refused"),
    );
  const flood = Array.from({ length: 60 }, (_, each) => attempt(`10.0.${each}.1`, null));
  await attempt("10.0.0.1", "usr_1");
  expect(outcomes).toContain("usr_1");
  expect(outcomes.filter((each) => each === "stranger").length).toBeLessThan(8);
  await Promise.all(flood);
  expect(outcomes.filter((each) => each === "refused")).toHaveLength(28);
});

test("as many people of one tenant as there is room for keep out nobody of another", async () => {
  const outcomes: string[] = [];
  const attempt = (tenantId: string, userId: string) =>
    isPassword({ password: "guess", address: null, knownAs: { tenantId, userId } }, null).then(
      () => void outcomes.push(tenantId),
      () => void outcomes.push("refused"),
    );
  const flood = Array.from({ length: 40 }, (_, each) => attempt("tnt_1", `usr_${each}`));
  await attempt("tnt_2", "usr_99");
  expect(outcomes.filter((each) => each === "tnt_2")).toHaveLength(1);
  expect(outcomes.filter((each) => each === "tnt_1").length).toBeLessThan(8);
  await Promise.all(flood);
  expect(outcomes.filter((each) => each === "refused")).toHaveLength(9); // eight had no room, one gave way
});

test("five wrong passwords in a row lock for a minute, and never for more than a quarter of an hour", () => {
  expect([0, 1, 4, 5, 6, 10, 15, 20, 25, 500].map(lockMsAfter)).toEqual(
    [null, null, null, 1, null, 2, 4, 8, 15, 15].map((minutes) => minutes && minutes * 60_000),
  );
});

test("a session is open until it is ended, unused for half an hour, or over", () => {
  const at = new Date("2026-03-01T00:00:00.000Z");
  const plus = (ms: number) => new Date(at.getTime() + ms);
  const session = { usedAt: at, endsAt: plus(SESSION_IDLE_MS * 2), endedAt: null };
  expect(isOpen(session, plus(SESSION_IDLE_MS - 1))).toBe(true);
  expect(isOpen(session, plus(SESSION_IDLE_MS))).toBe(false);
  expect(isOpen({ ...session, usedAt: plus(SESSION_IDLE_MS * 2 - 1) }, plus(SESSION_IDLE_MS * 2))).toBe(false);
  expect(isOpen({ ...session, endedAt: at }, plus(1))).toBe(false);
});

test("an invitation is read back under the same key, and under no other letter", () => {
  const clock = { now: () => new Date("2026-03-01T00:00:00.000Z") };
  const ref = { tenantId: newId("tnt", clock), userId: newId("usr", clock), invitedAt: clock.now() };
  const key = Buffer.alloc(32, 7);
  const text = invitationText(key, ref);
  expect(invitationIn(key, text)).toEqual(ref);
  expect(invitationIn(Buffer.alloc(32, 8), text)).toBeNull();
  fc.assert(
    fc.property(fc.nat(text.length - 2), fc.constantFrom("0", "a", "Z", "_", ".", "-"), (place, letter) => {
      const changed = text.slice(0, place) + letter + text.slice(place + 1);
      expect(invitationIn(key, changed)).toEqual(changed === text ? ref : null);
    }),
  );
});

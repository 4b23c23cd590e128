import { expect, test } from "vitest";
import { isKnownTimezone } from "../../src/periods/rules.js";

test.each([
  "UTC",
  "Asia/Seoul",
  "America/Argentina/Buenos_Aires",
  "Etc/GMT+9",
  "America/Port-au-Prince",
  "Asia/Calcutta",
])("the name of a zone: %s", (name) => expect(isKnownTimezone(name)).toBe(true));

test.each([
  "",
  "asia/seoul",
  "utc",
  "Seoul",
  "Asia/Atlantis",
  "+09:00",
  "Z",
  "Asia/Seoul ",
  "Asia/Seoul\n",
  "../etc/localtime",
])("no name of a zone: %j", (name) => expect(isKnownTimezone(name)).toBe(false));

test("all zones that the runtime lists are known", () => {
  expect(Intl.supportedValuesOf("timeZone").filter((name) => !isKnownTimezone(name))).toEqual([]);
});

import { describe, expect, test } from "vitest";
import { faultOfCycle } from "../../src/periods/rules.js";

describe("custom schedules", () => {
  test.each([
    ["0 0 1,16 * *"],
    ["0 6 * * MON-FRI"],
    ["59 23 L JAN,JUL *"],
    ["0 0 * * 7"],
    ["0 0 */5 * *"],
    ["0 0 29-31 2,3 *"],
  ])("%j is one", (schedule) => expect(faultOfCycle({ kind: "CUSTOM", schedule })).toBeNull());

  test.each([
    ["0 0 1 *", "is not five fields with one blank between them"],
    ["0 0  1 * *", "is not five fields with one blank between them"],
    ["60 0 1 * *", "has an unreadable minute"],
    ["0 24 1 * *", "has an unreadable hour"],
    ["0 0 32 * *", "has an unreadable day of the month"],
    ["0 0 16-1 * *", "has an unreadable day of the month"],
    ["0 0 1/2 * *", "has an unreadable day of the month"],
    ["0 0 */0 * *", "has an unreadable day of the month"],
    ["0 0 1 13 *", "has an unreadable month"],
    ["0 0 1 jan *", "has an unreadable month"],
    ["0 0 * * L", "has an unreadable day of the week"],
    ["0 0 1 * MON", "restricts both days of the month and days of the week"],
    ["0 */6 * * *", "starts more than one period a day: minute and hour are one number each"],
    ["* 0 * * *", "starts more than one period a day: minute and hour are one number each"],
    ["0 0 29 FEB *", "does not start a period in every year"],
    ["0 0 31 4,6 *", "does not start a period in every year"],
  ])("%j is none: it %s", (schedule, fault) => expect(faultOfCycle({ kind: "CUSTOM", schedule })).toBe(fault));
});

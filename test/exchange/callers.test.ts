import { expect, test } from "vitest";
import { openCaller } from "../../src/exchange/callers/service.js";
import { tellWaiting } from "../../src/exchange/parking/service.js";
import { testApp } from "../support/app.js";

const app = await testApp();
const LONG_MS = 20_000;

test("all who wait for a batch are told, also when one of them left, and who asks a little later", async () => {
  const [leaving, first, second] = [1, 2, 3].map(() => openCaller(app, "bat_1"));
  leaving?.leave();
  const told = Promise.all([first?.told(LONG_MS), second?.told(LONG_MS)]);
  const telling = setInterval(() => void tellWaiting(app, [{ id: "bat_0" }, { id: "bat_1" }]), 20); // once it listens
  expect(await told).toEqual([true, true]);
  clearInterval(telling);
  expect(await openCaller(app, "bat_1").told(LONG_MS)).toBe(true);
  expect(await openCaller(app, "bat_2").told(1)).toBe(false);
});

import { expect, test } from "vitest";
import { tryLease } from "../../src/platform/lease.js";
import { testApp } from "../support/app.js";

const app = await testApp();

test("a process renews its own lease, and takes none from one of the same name and number elsewhere", async () => {
  const held = await tryLease(app, "own");
  expect(held).not.toBeNull();
  expect(await tryLease(app, "own")).toEqual(held);
  const twin = `${app.config.processName}:${process.pid}`;
  await app.database.query("update lease set holder = ? where name = 'own'", [twin]);
  expect(await tryLease(app, "own")).toBeNull();
});

test("a process with a long name holds a lease as others do", async () => {
  const named = { ...app, config: { ...app.config, processName: "n".repeat(100) } };
  const held = await tryLease(named, "long");
  expect(held).not.toBeNull();
  expect(await tryLease(named, "long")).toEqual(held);
});

import { mkdtempSync, rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { present } from "../../src/kernel/assert.js";
import { tryLease } from "../../src/platform/lease.js";
import { closeApp } from "../../src/platform/open-app.js";
import { anchorState, noteAnchor, noteAway } from "../../src/transparency/anchors/service.js";
import { ForkReason, refusedLogs } from "../../src/transparency/forks/service.js";
import { latestCheckpoint } from "../../src/transparency/reading/service.js";
import { signCheckpoint, signForAllTenants } from "../../src/transparency/service.js";
import { awaitedAnchors, waitingLogs, waiveWitness } from "../../src/transparency/waiting/service.js";
import { cosignForAllTenants, forgetHeard, isHeard, witnessesIn } from "../../src/transparency/witnesses/service.js";
import { openTestApp, type TestApp, testApp } from "../support/app.js";
import { growLog, growSigned, restoreLog } from "../support/log.js";
import { type SeededTenant, seedTenant } from "../support/seeds.js";
import { openWitness, served, type TestWitness } from "../support/witness.js";

const folder = mkdtempSync(join(tmpdir(), "quittance-hearing-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const app = await testApp();
let home: SeededTenant;
let witness: TestWitness;

beforeEach(async () => {
  home = await seedTenant(app);
  witness = await openWitness(app, home, mkdtempSync(join(folder, "w1-")), "w1");
});

describe("what a witness said", () => {
  test("against the log stands until it cosigns, whatever is noted late of before", async () => {
    const { no } = home.tenant;
    const noted = async (fault: string | null, size: number) => {
      await noteAnchor(app, no, { name: witness.name, size, heldAt: null, fault });
      return anchorState(app, no, witness.name);
    };
    for (const fault of ["AHEAD", "NOT_CONSISTENT"]) {
      const said = await noted(fault, 9);
      expect(said).toMatchObject({ fault, size: 9 });
      for (const late of ["AWAY", "REFUSED", "LOG_UNKNOWN"]) expect(await noted(late, 5)).toEqual(said);
      await noteAway(app, no, witness.name);
      expect(await anchorState(app, no, witness.name)).toEqual(said);
    }
    expect(await noted("AHEAD", 12)).toMatchObject({ fault: "AHEAD", size: 12 });
    expect(await noted(null, 14)).toMatchObject({ fault: null, size: 14 });
    await noteAway(app, no, witness.name);
    expect(await anchorState(app, no, witness.name)).toMatchObject({ fault: "AWAY", size: 14 });
  });

  test("is everybody's who asked at once: it is asked about a log by one at a time", async () => {
    let asked = 0;
    const url = await served((_, response) => {
      asked += 1;
      if (asked === 1) response.writeHead(409, { "content-type": "text/x.tlog.size" }).end("99\n");
      else response.destroy(); // as if it had gone away
    });
    const running = await asking(url);
    await growSigned(app, home, 5);
    await Promise.all([cosignForAllTenants(running, [home.tenant]), cosignForAllTenants(running, [home.tenant])]);
    expect(asked).toBe(1);
    expect(await anchorState(app, home.tenant.no, witness.name)).toMatchObject({ fault: "AHEAD", size: 99 });
  });

  test("of a checkpoint that a restored backup lost meanwhile takes nothing back", async () => {
    const cosigning = await asking(witness.address.url);
    const old = await growSigned(app, home, 5);
    expect(await cosignForAllTenants(cosigning, [home.tenant])).toBe(1);
    const lost = await growSigned(app, home, 5, 5);
    const said = { name: witness.name, size: lost.size, heldAt: null, fault: "AHEAD" };
    const late = await asking(
      await served((request, response) => {
        const answer = async () => {
          const answered = await fetch(`${witness.address.url}/add-checkpoint`, {
            method: "POST",
            body: await text(request),
          });
          await restoreLog(app, home, old.size);
          await noteAnchor(app, home.tenant.no, said); // to whoever led meanwhile
          response.writeHead(answered.status).end(await answered.text());
        };
        answer().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
      }),
    );
    expect(await cosignForAllTenants(late, [home.tenant])).toBe(0);
    expect(await anchorState(app, home.tenant.no, witness.name)).toEqual(said);
  });

  test.each([
    [true, false],
    [false, true],
  ])("to a question of before it was forgotten (%s) is heard: %s", async (isForgotten, expected) => {
    const questions: ServerResponse[] = [];
    const running = await asking(await served((_, response) => void questions.push(response)));
    await growSigned(app, home, 5);
    const cosigned = cosignForAllTenants(running, [home.tenant]);
    await expect.poll(() => questions.length, { timeout: 4_000 }).toBe(1);
    if (isForgotten) forgetHeard(running);
    questions[0]?.writeHead(404).end();
    expect(await cosigned).toBe(0);
    const [asked] = witnessesIn(running.config);
    expect(isHeard(running, home.tenant.no, present(asked, "the witness"))).toBe(expected);
  });
});

test.each([
  ["does not know a log that it never cosigned", 404, 0, true],
  ["does not know a log that it has cosigned", 404, 3, false],
  ["forbids it", 403, 0, false],
  ["finds nothing in it", 400, 0, false],
])("whoever %s (%i, holding %i) was heard: %s", async (_, status, size, expected) => {
  const url = await served((_request, response) => response.writeHead(status).end());
  const [first, second, third] = [await asking(url), await asking(url), await asking(url)];
  await noteAnchor(app, home.tenant.no, { name: witness.name, size, heldAt: null, fault: null });
  await growLog(app, home, 3);
  expect((await signCheckpoint(first, home.tenant)) !== null).toBe(expected); // asked with the empty tree
  expect(waitingLogs(first).has(home.tenant.id)).toBe(!expected);
  await growLog(app, home, 3, 3);
  await growSigned(app, home, 3, 6);
  await growLog(app, home, 1, 9);
  expect((await signCheckpoint(second, home.tenant)) !== null).toBe(expected);
  if (expected) return;
  await waiveWitness(app, home.actor, { witness: witness.name, reason: "its disk was lost" });
  await noteAnchor(app, home.tenant.no, await anchorState(app, home.tenant.no, witness.name));
  expect(await awaitedAnchors(second, home.tenant)).toEqual([]); // what it answers again leaves it waived
  expect(await signCheckpoint(third, home.tenant)).not.toBeNull();
});

describe("a process that signs under a lease", () => {
  test("asks anew when it leads again, whatever it knew before another led", async () => {
    const { url } = witness.address;
    const [first, second] = [await asking(url), await asking(url)];
    await growLog(app, home, 5);
    expect(await signForAllTenants(first, [home.tenant], await newLease())).toBe(1);
    const old = present(await latestCheckpoint(app, home.tenant.no), "what the first signed");
    await growLog(app, home, 5, 5);
    expect(await signForAllTenants(second, [home.tenant], await newLease())).toBe(1);
    expect(await cosignForAllTenants(second, [home.tenant])).toBe(1);
    await restoreLog(app, home, old.size);
    await growLog(app, home, 30, 50);
    expect(await signForAllTenants(first, [home.tenant], await newLease())).toBe(0);
    expect(refusedLogs(first).get(home.tenant.id)?.reason).toBe(ForkReason.WITNESSED);
    expect((await latestCheckpoint(app, home.tenant.no))?.size).toBe(old.size);
  });

  test("signs nothing that another process leads by now", async () => {
    await growLog(app, home, 5);
    const lost = await newLease();
    await newLease();
    await expect(signForAllTenants(app, [home.tenant], lost)).rejects.toThrow("another process holds relay");
    expect(await latestCheckpoint(app, home.tenant.no)).toBeNull();
  });

  test("leaves a log for later once it has asked for long enough, and signs it when another loop asked", async () => {
    const running = await asking(witness.address.url);
    await growLog(app, home, 3);
    const pass = { lease: null, askUntilMs: 0 };
    expect(await signCheckpoint(running, home.tenant, pass)).toBeNull();
    expect(waitingLogs(running).get(home.tenant.id)).toEqual([witness.name]);
    await cosignForAllTenants(running, [home.tenant]);
    expect(await signCheckpoint(running, home.tenant, pass)).not.toBeNull();
  });
});

/** The relay's lease after a change of leader. */
async function newLease() {
  await app.database.query("update lease set holder = 'another', expires_at = now(3) where name = 'relay'");
  return present(await tryLease(app, "relay"), "the lease");
}

/** A process that has just started, and asks the witness at this address. */
async function asking(url: string): Promise<TestApp> {
  const witnesses = [{ ...witness.address, url }];
  const own = await openTestApp({ clock: app.clock, config: { witnesses } });
  onTestFinished(() => closeApp(own));
  return own;
}

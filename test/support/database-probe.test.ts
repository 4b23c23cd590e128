import { test, expect } from "vitest";
import { cloneDatabase } from "./database.js";
test("x", async () => { const t=performance.now(); console.log(await cloneDatabase("t1"), performance.now()-t); const u=performance.now(); await cloneDatabase("t1"); console.log(performance.now()-u); expect(1).toBe(1)});

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type RawData, WebSocket } from "ws";
import { z } from "zod";
import { present } from "../../src/kernel/assert.js";

const START_MS_MAX = 30_000;
const REMOVALS_MAX = 50;
const found = spawnSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).stdout.trim();

/** Debian's browser; null where it is not installed. */
export const CHROMIUM = found === "" ? null : found;

/** How a page is looked at. */
export interface View {
  readonly width: number;
  readonly isDark: boolean;
}

/** A tab of a headless browser with an empty profile, driven by the DevTools protocol. */
export interface Tab {
  /** Goes there and waits until the page is loaded. */
  open(url: string, view: View): Promise<void>;
  /** What an expression comes to on the page, in JSON. */
  evaluate(expression: string): Promise<unknown>;
  setCookie(url: string, name: string, value: string): Promise<void>;
  /** The whole page as PNG. */
  screenshot(): Promise<Buffer>;
  close(): Promise<void>;
}

const Message = z.object({
  ...{ id: z.number().optional(), method: z.string().optional(), result: z.unknown().optional() },
  error: z.object({ message: z.string() }).optional(),
});
const Targets = z.array(z.object({ type: z.string(), webSocketDebuggerUrl: z.string() }));
const Evaluated = z.object({
  result: z.object({ value: z.unknown().optional() }),
  exceptionDetails: z.unknown().optional(),
});
const Shot = z.object({ data: z.string() });

/** Starts the browser; whoever opens it closes it. */
export async function openTab(program: string): Promise<Tab> {
  const profile = mkdtempSync(join(tmpdir(), "quittance-chromium-"));
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0"];
  const browser = spawn(program, [...flags, `--user-data-dir=${profile}`, "about:blank"], {
    ...{ stdio: "ignore", detached: true }, // its children are of its group, and end with it
  });
  const ended = new Promise<void>((resolve) => {
    browser.once("exit", () => resolve());
  });
  const socket = new WebSocket(await debuggerOf(join(profile, "DevToolsActivePort")));
  await new Promise((resolve) => {
    socket.once("open", resolve);
  });
  const send = protocolOf(socket);
  await send("Page.enable");
  return {
    async open(url, { width, isDark }) {
      const features = [{ name: "prefers-color-scheme", value: isDark ? "dark" : "light" }];
      await send("Emulation.setEmulatedMedia", { features });
      await send("Emulation.setDeviceMetricsOverride", {
        width,
        height: 900,
        deviceScaleFactor: 1,
        mobile: width < 500,
      });
      const loaded = loadedOf(socket);
      await send("Page.navigate", { url });
      await loaded;
    },
    async evaluate(expression) {
      const evaluation = { expression, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails } = Evaluated.parse(await send("Runtime.evaluate", evaluation));
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
      return result.value;
    },
    async setCookie(url, name, value) {
      await send("Network.setCookie", { url, name, value });
    },
    async screenshot() {
      const { data } = Shot.parse(await send("Page.captureScreenshot", { captureBeyondViewport: true }));
      return Buffer.from(data, "base64");
    },
    async close() {
      socket.close();
      process.kill(-present(browser.pid, "the browser's group"), "SIGKILL");
      await ended;
      await remove(profile);
    },
  };
}

/** Removes a folder in which who was killed may write for a moment still: what came meanwhile is listed anew. */
async function remove(folder: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if (tries === REMOVALS_MAX) throw error;
      await sleep(100);
    }
  }
}

/** Where the first tab is debugged, once the browser says on which port. */
async function debuggerOf(portFile: string): Promise<string> {
  for (const deadline = performance.now() + START_MS_MAX; performance.now() < deadline; await sleep(50)) {
    try {
      const [port] = readFileSync(portFile, "utf8").split("\n");
      const targets = Targets.parse(await (await fetch(`http://127.0.0.1:${port}/json/list`)).json());
      const page = targets.find(({ type }) => type === "page");
      if (page !== undefined) return page.webSocketDebuggerUrl;
    } catch {
      // it has not started yet
    }
  }
  throw new Error("the browser did not start");
}

function messageIn(data: RawData): z.infer<typeof Message> {
  const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as ArrayBuffer);
  return Message.parse(JSON.parse(bytes.toString("utf8")));
}

function loadedOf(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    const listen = (data: RawData) => {
      if (messageIn(data).method !== "Page.loadEventFired") return;
      socket.off("message", listen);
      resolve();
    };
    socket.on("message", listen);
  });
}

/** Sends commands; each answers its result, or fails with what the browser says. */
function protocolOf(socket: WebSocket): (method: string, params?: object) => Promise<unknown> {
  let sent = 0;
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  socket.on("message", (data) => {
    const { id, result, error } = messageIn(data);
    const waiter = id === undefined ? undefined : waiting.get(id);
    if (id === undefined || waiter === undefined) return;
    waiting.delete(id);
    if (error === undefined) waiter.resolve(result);
    else waiter.reject(new Error(error.message));
  });
  return (method, params = {}) =>
    new Promise((resolve, reject) => {
      sent += 1;
      waiting.set(sent, { resolve, reject });
      socket.send(JSON.stringify({ id: sent, method, params }));
    });
}

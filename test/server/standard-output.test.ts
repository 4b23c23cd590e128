import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";

const COMMAND = new URL("../../bin/quittance", import.meta.url).pathname;
/** Answers every write that the disk is full. */
const FULL = "/dev/full";

test.each(["--help", "verify batch --help"])("whoever stops reading `%s` hears no more", async (line) => {
  const child = spawn(COMMAND, line.split(" "), { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  expect({ said, code }).toEqual({ said: "", code: 0 });
});

describe.skipIf(!existsSync(FULL))("an answer that cannot be written", () => {
  test.each(["--help", `keygen --out ${join(mkdtempSync(join(tmpdir(), "quittance-")), "key.jwk")}`])(
    "makes `%s` fail, and it says so",
    async (line) => {
      const child = spawn(COMMAND, line.split(" "), { stdio: ["ignore", openSync(FULL, "w"), "pipe"] });
      if (child.stderr === null) throw new Error("there is a pipe");
      const [said, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
      expect({ said, code }).toEqual({
        said: expect.stringContaining("error: what there was to say could not be written (ENOSPC).\n"),
        code: 1,
      });
    },
  );
});

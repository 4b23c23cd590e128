import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const Services = z.object({
  databaseUrl: z.string(),
  redisUrl: z.string(),
  url: z.string().optional(),
});

/** Addresses of private servers, and where callers reach the api. */
export type RunningServers = z.infer<typeof Services>;

/** The servers that `up` runs for a data directory, as it tells of them; null where it does not run. */
export function runningServers(dataDir: string): RunningServers | null {
  const text = readIfThere(join(dataDir, "run", "services.json"));
  return text === null ? null : Services.parse(JSON.parse(text));
}

/** A file's text; null where there is no such file. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

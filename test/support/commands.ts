import { Command } from "commander";
import { vi } from "vitest";

/** What a command printed and how it would have ended. */
export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Runs a command in this process, as `bin/quittance` does; what it throws is thrown. */
export async function runCommand(register: (program: Command) => void, ...args: string[]): Promise<Ran> {
  const program = new Command("quittance").exitOverride();
  register(program);
  const [out, errors]: [string[], string[]] = [[], []];
  const spies = [
    vi.spyOn(console, "log").mockImplementation((text: string) => void out.push(text)),
    vi.spyOn(console, "error").mockImplementation((text: string) => void errors.push(text)),
  ];
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await program.parseAsync(["node", "quittance", ...args]);
    return { stdout: out.join("\n"), stderr: errors.join("\n"), exitCode: Number(process.exitCode ?? 0) };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}

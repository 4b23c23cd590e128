import { CodedError, ErrorCode } from "../../src/kernel/errors.js";
import { serveTasks } from "../../src/platform/threads.js";

/** What a test asks of its thread. */
export type EchoTask = "echo" | "refuse" | "throw" | "end";

serveTasks((task: EchoTask): string => {
  if (task === "refuse") throw new CodedError(ErrorCode.LIMIT_EXCEEDED, "too long", { path: "/a", max: 3 }, true);
  if (task === "throw") throw new TypeError("a bug");
  if (task === "end") process.exit(3);
  return task;
});

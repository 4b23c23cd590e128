import { defineConfig } from "vitest/config";

export default defineConfig({
  // Vite would take graphql's ES modules where Node takes CommonJS, and two of them do not know each other's types.
  resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/servers.ts"],
    setupFiles: ["test/support/setup.ts"],
    pool: "forks",
    isolate: false,
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Where something is down, each test that needs it takes its whole time to say so.
    bail: process.env["CI"] === undefined ? 0 : 5,
  },
});

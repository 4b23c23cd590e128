import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { FastifyInstance } from "fastify";

const require = createRequire(import.meta.url);
/** Packages list what may be imported, and these bundles are not: only the way to package.json is open. */
const REACT = dirname(require.resolve("react/package.json"));
const REACT_DOM = dirname(require.resolve("react-dom/package.json"));
const GRAPHIQL = dirname(require.resolve("graphiql/package.json"));
const SCRIPT = "text/javascript; charset=utf-8";

/** What the page loads, all from installed packages: nothing comes from another host. */
const ASSETS: Readonly<Record<string, { readonly path: string; readonly type: string }>> = {
  "react.js": { path: join(REACT, "umd/react.production.min.js"), type: SCRIPT },
  "react-dom.js": { path: join(REACT_DOM, "umd/react-dom.production.min.js"), type: SCRIPT },
  "graphiql.js": { path: join(GRAPHIQL, "graphiql.min.js"), type: SCRIPT },
  "graphiql.css": { path: join(GRAPHIQL, "graphiql.min.css"), type: "text/css; charset=utf-8" },
};

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'", // its editor places the cursor by inline styles
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Quittance · GraphiQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/graphiql/graphiql.css">
<style>html, body, #graphiql { height: 100%; margin: 0; }</style>
</head>
<body>
<div id="graphiql">Loading …</div>
<script src="/graphiql/react.js"></script>
<script src="/graphiql/react-dom.js"></script>
<script src="/graphiql/graphiql.js"></script>
<script src="/graphiql/boot.js"></script>
</body>
</html>
`;

/** Examples to begin with, a tab each. The token goes into the header editor, `Bearer` in front. */
const EXAMPLES = [
  `query Example {
  viewer { clientId scopes tenant { name } }
  partners(first: 10) { edges { node { id name kind currencies } } }
  batches(first: 5) { edges { node { id state itemCount acceptedAt } } }
}
`,
  `# The payload and its signature come from: bin/quittance sign FILE --key key.json
mutation Submit($jws: String!) {
  submitBatch(input: { jws: $jws, waitMs: 2000 }) {
    replayed
    batch { id state postedCount refusedCount }
  }
}
`,
  `# Runs on; send something, or have it sent, and watch.
subscription Watch {
  batchStatus { sequence at state batch { id postedCount } }
}
`,
];

/** Starts the page. `#token=…` in the address fills the header editors; the address is cleared: tokens are secret. */
const BOOT = `
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (location.hash !== "") history.replaceState(null, "", location.pathname);
const headers = JSON.stringify({ Authorization: token === null ? "" : "Bearer " + token }, null, 2);
const fetcher = GraphiQL.createFetcher({
  url: "/graphql",
  subscriptionUrl: location.origin.replace(/^http/, "ws") + "/graphql",
});
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    headers,
    defaultTabs: ${JSON.stringify(EXAMPLES)}.map((query) => ({ query, headers })),
    defaultEditorToolsVisibility: "headers",
    shouldPersistHeaders: false,
  }),
);
`;

/** Serves GraphiQL at `/graphiql`; its policy allows the page's own files and this host, nothing else. */
export function registerGraphiql(server: FastifyInstance): void {
  server.get("/graphiql", async (_request, reply) => {
    void reply.type("text/html; charset=utf-8").header("content-security-policy", POLICY);
    return PAGE;
  });
  server.get("/graphiql/boot.js", async (_request, reply) => {
    void reply.type(SCRIPT);
    return BOOT;
  });
  for (const [name, { path, type }] of Object.entries(ASSETS)) {
    server.get(`/graphiql/${name}`, async (_request, reply) => {
      void reply.type(type).header("cache-control", "private, max-age=3600");
      return reply.send(createReadStream(path));
    });
  }
}

import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import type { FastifyInstance } from "fastify";

/** What the page loads, all from installed packages: nothing comes from another host. */
const ASSETS: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  "react.js": { file: "react/umd/react.production.min.js", type: "text/javascript" },
  "react-dom.js": { file: "react-dom/umd/react-dom.production.min.js", type: "text/javascript" },
  "graphiql.js": { file: "graphiql/graphiql.min.js", type: "text/javascript" },
  "graphiql.css": { file: "graphiql/graphiql.min.css", type: "text/css" },
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

const EXAMPLE = `# Put an access token into the header editor below, as "Bearer …". It is printed by
#   bin/quittance token --url <this host> --client ID --key key.json

query Example {
  errorCodes {
    code
    meaning
  }
}
`;

/** Starts the page. `#token=…&query=…` in the address fill its editors; the address is cleared, since tokens are secret. */
const BOOT = `
const given = new URLSearchParams(location.hash.slice(1));
if (location.hash !== "") history.replaceState(null, "", location.pathname);
const token = given.get("token");
const fetcher = GraphiQL.createFetcher({
  url: "/graphql",
  subscriptionUrl: location.origin.replace(/^http/, "ws") + "/graphql",
});
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: given.get("query") ?? ${JSON.stringify(EXAMPLE)},
    headers: JSON.stringify({ Authorization: token === null ? "" : "Bearer " + token }, null, 2),
    defaultEditorToolsVisibility: "headers",
    shouldPersistHeaders: false,
  }),
);
`;

/** Serves GraphiQL at `/graphiql`; its policy allows the page's own files and this host, nothing else. */
export function registerGraphiql(server: FastifyInstance): void {
  const { resolve } = createRequire(import.meta.url);
  server.get("/graphiql", async (_request, reply) => {
    void reply.type("text/html; charset=utf-8").header("content-security-policy", POLICY);
    return PAGE;
  });
  server.get("/graphiql/boot.js", async (_request, reply) => {
    void reply.type("text/javascript; charset=utf-8");
    return BOOT;
  });
  for (const [name, { file, type }] of Object.entries(ASSETS)) {
    server.get(`/graphiql/${name}`, async (_request, reply) => {
      void reply.type(`${type}; charset=utf-8`).header("cache-control", "private, max-age=3600");
      return reply.send(createReadStream(resolve(file)));
    });
  }
}

import type { FastifyInstance } from "fastify";
import type { App } from "../../platform/app.js";
import { registerAccount } from "./account.js";
import { openForms } from "./forms.js";
import { STYLE } from "./pages.js";
import { registerSignIn } from "./sign-in.js";

/** Serves the few plain pages by which people sign in, take invitations up and see to their account; no script. */
export function registerPeople(server: FastifyInstance, app: App): void {
  server.get("/people.css", async (_request, reply) => {
    void reply.type("text/css; charset=utf-8").header("cache-control", "public, max-age=3600");
    return STYLE;
  });
  void server.register(async (scope) => {
    openForms(scope, app);
    registerSignIn(scope, app);
    registerAccount(scope, app);
  });
}

import type { FastifyInstance } from "fastify";
import type { Scope } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { messageOf, payoutFileOf } from "../../settlement/payout-files/service.js";
import { readerOf } from "./reader.js";

const SCOPE: Scope = "payouts:manage";

/** Serves a payout file's message as `/payout-files/{id}.xml`, as it was made, to whoever may manage payouts. */
export function registerPayoutFiles(server: FastifyInstance, app: App): void {
  server.get<{ Params: { id: string } }>("/payout-files/:id.xml", {
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const actor = await readerOf(app, request, SCOPE);
      const file = await payoutFileOf(app, actor, request.params.id);
      void reply.type("application/xml; charset=utf-8");
      void reply.header("content-disposition", `attachment; filename="${file.id}.xml"`);
      return reply.send(await messageOf(app, file));
    },
  });
}

import type { FastifyInstance, FastifyReply } from "fastify";
import type { App } from "../../platform/app.js";
import { serverError } from "../errors.js";

/**
 * Until when an operation may work. It is answered then (`UNAVAILABLE`), and what it has not begun it begins no more:
 * no field that names a scope, and no loading of rows. A statement of the database ends by the database's own limit.
 */
export class Deadline {
  #isOver = false;

  constructor(readonly app: App) {}

  /** Refuses to go on when the time is over. */
  check(): void {
    if (this.#isOver) throw late();
  }

  /** The work's outcome, or the refusal when the time is over first. */
  within<T>(work: T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#isOver = true;
        this.app.metrics.count("operations_late");
        reject(late());
      }, this.app.config.http.operationMsMax);
      // What comes after the refusal comes to nothing: a promise is settled once.
      Promise.resolve(work)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }
}

declare module "fastify" {
  interface FastifyRequest {
    /** Runs until the answer has gone; null before it is set. */
    answerTimer: NodeJS.Timeout | null;
  }
}

/**
 * Answers whatever nobody has begun to answer by the deadline (`UNAVAILABLE`): a database that is there and says
 * nothing keeps nobody waiting. What streams has begun, and takes as long as it takes.
 */
export function limitAnswers(server: FastifyInstance, app: App): void {
  server.decorateRequest("answerTimer", null);
  server.addHook("onRequest", async (request, reply) => {
    request.answerTimer = setTimeout(() => endLate(app, reply), app.config.http.operationMsMax + GRACE_MS).unref();
  });
  server.addHook("onResponse", async (request) => clearTimeout(request.answerTimer ?? undefined));
}

/** An operation's own deadline, which knows more, comes first. */
const GRACE_MS = 500;

function endLate(app: App, reply: FastifyReply): void {
  if (reply.sent || reply.raw.headersSent) return;
  app.metrics.count("answers_late");
  void reply.send(late());
}

function late(): Error {
  const reason = "The operation took too long. Ask for less; a mutation again with the same idempotency key.";
  return serverError("UNAVAILABLE", { reason });
}

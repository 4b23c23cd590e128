import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { retryAfterMs } from "./admission.js";

/** A client of `/graphql` that costs little beside the servers: connections are kept, bodies were made beforehand. */
export interface HttpClient {
  /**
   * The batch that an answer of `submitBatch` tells of, sent again as late as the server asks where there was too much;
   * throws for any other refusal.
   */
  submit(token: string, body: Buffer): Promise<SubmittedBatch>;
  close(): void;
}

/** What an answer tells of a batch. */
export interface SubmittedBatch {
  readonly id: string;
  readonly state: string;
}

const REQUEST_MS_MAX = 60_000;
const SUBMIT =
  "mutation Submit($input: SubmitBatchInput!) { submitBatch(input: $input) { batch { id state } receipt } }";

const Answer = z.object({
  data: z.object({ submitBatch: z.object({ batch: z.object({ id: z.string(), state: z.string() }) }) }),
  errors: z.never().optional(),
});

/** The body of a request that submits a signed batch and waits so long for its outcome. */
export function submitBody(jws: string, waitMs: number): Buffer {
  return Buffer.from(JSON.stringify({ query: SUBMIT, variables: { input: { jws, waitMs } } }));
}

/** Opens a client that keeps so many connections at most. */
export function openHttpClient(url: string, connectionsMax: number): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: connectionsMax });
  const address = `${url}/graphql`;
  return {
    submit: (token, body) => submitted(() => post(agent, address, token, body)),
    close: () => agent.destroy(),
  };
}

/** What `HttpClient.submit` promises, over any way to send the request. */
export async function submitted(send: () => Promise<string>): Promise<SubmittedBatch> {
  let text = await send();
  for (let ms = retryAfterMs(text); ms !== null; ms = retryAfterMs(text)) {
    await sleep(ms);
    text = await send();
  }
  const { success, data: answer } = Answer.safeParse(JSON.parse(text));
  if (!success) throw new Error(`A batch was not accepted: ${text.slice(0, 500)}`);
  return answer.data.submitBatch.batch;
}

function post(agent: Agent, address: string, token: string, body: Buffer): Promise<string> {
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    "content-length": body.length,
  };
  return new Promise((resolve, reject) => {
    const sent = request(address, { method: "POST", agent, headers, timeout: REQUEST_MS_MAX }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("end", () => resolve(text)).once("error", reject);
    });
    sent.once("error", reject).once("timeout", () => sent.destroy(new Error(`No answer in ${REQUEST_MS_MAX} ms`)));
    sent.end(body);
  });
}

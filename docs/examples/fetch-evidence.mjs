// node fetch-evidence.mjs URL ACCESS_TOKEN BATCH_ID STATEMENT_ID
// Writes what there is to verify of a batch and a statement into this folder: jwks.json, log-key.txt, checkpoint.txt,
// receipt.jws, statement.jws, and a proof for each that it is in the log. Waits until the log has taken both up.
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const [url, token, batchId, statementId] = process.argv.slice(2);
const query = `query ($batch: ID!, $statement: ID!) {
  log { verifierKey checkpoint { note } }
  batch(id: $batch) { receipt inclusionProof { file } }
  statement(id: $statement) { jws inclusionProof { file } }
}`;

let answer = await ask();
for (let tries = 0; tries < 30 && !(answer.batch.inclusionProof && answer.statement.inclusionProof); tries++) {
  await sleep(1_000);
  answer = await ask();
}
const { log, batch, statement } = answer;
writeFileSync("jwks.json", await (await fetch(`${url}/.well-known/jwks.json`)).text());
writeFileSync("log-key.txt", `${log.verifierKey}\n`);
writeFileSync("checkpoint.txt", log.checkpoint.note);
writeFileSync("receipt.jws", batch.receipt);
writeFileSync("statement.jws", statement.jws);
writeFileSync("receipt.tlog-proof", batch.inclusionProof.file);
writeFileSync("statement.tlog-proof", statement.inclusionProof.file);

async function ask() {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const body = JSON.stringify({ query, variables: { batch: batchId, statement: statementId } });
  const { data, errors } = await (await fetch(`${url}/graphql`, { method: "POST", headers, body })).json();
  if (errors !== undefined) throw new Error(errors[0].message);
  return data;
}

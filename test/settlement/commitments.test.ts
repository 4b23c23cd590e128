import { createHash } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { recomputedCommitment } from "../../src/exchange/commitments/service.js";
import type { Batch } from "../../src/exchange/entities.js";
import { unpackEnvelope } from "../../src/exchange/packing.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { present } from "../../src/kernel/assert.js";
import { verifyInclusion } from "../../src/kernel/merkle.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { register } from "../../src/server/commands/verify.js";
import { settle } from "../../src/settlement/runs/service.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { openPlace, type Place, submit } from "./place.js";

const app = await testApp();
const api = await testApi(app);
const [FIRST, SECOND] = ["2026-03-02T01:00:00.000Z", "2026-03-03T01:00:00.000Z"];
const [FIRST_END, SECOND_END] = ["2026-03-02T15:00:00.000Z", "2026-03-03T15:00:00.000Z"];

interface Proof {
  readonly periodId: string;
  readonly index: number;
  readonly size: number;
  readonly leaf: string;
  readonly hashes: readonly string[];
  readonly root: string;
}

/** MTH of RFC 6962, section 2.1, by its recursive definition. */
function rootOf(leaves: readonly string[]): string {
  const hash = (...parts: readonly Buffer[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
  const tree = (entries: readonly string[]): Buffer => {
    if (entries.length === 0) return hash();
    if (entries.length === 1) return hash(Buffer.of(0), Buffer.from(present(entries[0], "an entry")));
    let k = 1;
    while (k * 2 < entries.length) k *= 2;
    return hash(Buffer.of(1), tree(entries.slice(0, k)), tree(entries.slice(k)));
  };
  return tree(leaves).toString("hex");
}

async function proofsOf(place: Place, batch: Batch): Promise<Proof[]> {
  const query = `{ batch(id: "${batch.id}") { periodProofs { periodId index size leaf hashes root } } }`;
  const { data, errors } = await api.ask({ query, token: await place.token() });
  expect(errors).toBeUndefined();
  return (data as { batch: { periodProofs: Proof[] } }).batch.periodProofs;
}

const bet = (occurredAt: string, amount = "1.00") => ({ kind: "BET", amount, occurredAt });

/** Batches of one item each, posted in groups of a few. */
async function sendMany(place: Place, occurredAt: string, many: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  for (let i = 0; i < many; i++) {
    batches.push(await submit(app, place, [bet(occurredAt)]));
    if (i % 4 === 3) await postBatches(app, place.partner);
  }
  await postBatches(app, place.partner);
  return batches;
}

async function settled(place: Place, through: string) {
  await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(through) });
  const query = "{ statements(first: 1) { edges { node { jws } } } }";
  const { data } = await api.ask({ query, token: await place.token() });
  const jws = (data as { statements: { edges: { node: { jws: string } }[] } }).statements.edges[0]?.node.jws ?? "";
  const document = JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString("utf8"));
  return { jws, document };
}

async function openedPlace(): Promise<Place> {
  app.clock.set("2026-03-04T16:00:00.000Z");
  return openPlace(app, "2026-03-01T15:00:00.000Z");
}

test("a statement states the root over the period's batches in order, and each batch proves its place", async () => {
  const place = await openedPlace();
  const batches = await sendMany(place, FIRST, 11);
  const refused = await submit(app, place, [bet(FIRST, "-1.00")]);
  const both = await submit(app, place, [bet(FIRST), bet(SECOND)]);
  await postBatches(app, place.partner);
  expect(await proofsOf(place, present(batches[0], "a batch"))).toEqual([]); // the period still takes batches
  const { document } = await settled(place, FIRST_END);
  const proofs = (await Promise.all([...batches, both].map((batch) => proofsOf(place, batch)))).flat();
  expect(proofs.map(({ index }) => index)).toEqual([...proofs.keys()]);
  expect(proofs.map(({ leaf }) => JSON.parse(leaf).batch)).toEqual([...batches, both].map(({ id }) => id));
  const root = rootOf(proofs.map(({ leaf }) => leaf));
  expect(document.transactions).toEqual({ batches: 12, root });
  for (const { index, size, leaf, hashes, root: stated } of proofs) {
    expect(stated).toBe(root);
    const leafHash = createHash("sha256").update(Buffer.of(0)).update(leaf).digest();
    const proof = hashes.map((hash) => Buffer.from(hash, "base64"));
    expect(verifyInclusion({ index, size, leafHash, proof, root: Buffer.from(root, "hex") })).toBe(true);
  }
  expect(await proofsOf(place, refused)).toEqual([]); // nothing of it was posted
});

test("the proofs of more than twenty batches are not for one request", async () => {
  const place = await openedPlace();
  await sendMany(place, FIRST, 21);
  const ask = async (first: number) => {
    const query = `{ batches(first: ${first}) { edges { node { periodProofs { index } } } } }`;
    return (await api.ask({ query, token: await place.token() })).errors?.map(({ extensions }) => extensions["code"]);
  };
  expect(await ask(20)).toBeUndefined();
  expect(new Set(await ask(21))).toEqual(new Set(["LIMIT_EXCEEDED"]));
});

test("late items are committed to by the period that takes them, and a period without batches to nothing", async () => {
  const place = await openedPlace();
  const { document: empty } = await settled(place, FIRST_END);
  expect(empty.transactions).toEqual({ batches: 0, root: rootOf([]) });
  const [late] = await sendMany(place, FIRST, 1);
  const { document } = await settled(place, SECOND_END);
  const [proof, ...none] = await proofsOf(place, present(late, "a batch"));
  expect(none).toEqual([]);
  expect(proof).toMatchObject({ index: 0, size: 1, periodId: document.period.id, root: document.transactions.root });
});

test("`verify batch` holds for what was sent, and names what does not hold", async () => {
  const place = await openedPlace();
  const [batch, other] = await sendMany(place, FIRST, 5);
  const { jws: statement } = await settled(place, FIRST_END);
  const [proof] = await proofsOf(place, present(batch, "a batch"));
  const folder = await mkdtemp(join(tmpdir(), "quittance-test-"));
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const jwks = await file("jwks.json", JSON.stringify(await (await fetch(`${api.url}/.well-known/jwks.json`)).json()));
  const sent = await file("batch.jws", await sentJws(place, present(batch, "a batch")));
  const verify = async (jws: string, claim: unknown) => {
    const proofFile = await file("proof.json", JSON.stringify(claim));
    const statementFile = await file("statement.jws", statement);
    const rest = ["--proof", proofFile, "--statement", statementFile, "--jwks", jwks, "--json"];
    return JSON.parse((await runCommand(register, "verify", "batch", jws, ...rest)).stdout);
  };
  expect(await verify(sent, proof)).toEqual({ valid: true });
  const another = await file("other.jws", await sentJws(place, present(other, "a batch")));
  expect(await verify(another, proof)).toEqual({ valid: false, reason: "ANOTHER_PAYLOAD" });
  const moved = { ...proof, index: 1 };
  expect(await verify(sent, moved)).toEqual({ valid: false, reason: "NOT_INCLUDED" });
  expect(await verify(sent, { ...proof, periodId: "prd_x" })).toEqual({ valid: false, reason: "ANOTHER_PERIOD" });
  expect(await verify(sent, { leaf: "no" })).toEqual({ valid: false, reason: "NOT_A_PROOF" });
});

test("fsck names a period whose tree is not that of its batches", async () => {
  const place = await openedPlace();
  await sendMany(place, FIRST, 3);
  await settled(place, FIRST_END);
  const scope = { tenantId: place.tenant.id };
  expect(await fsck(app, scope)).toMatchObject({ ok: true });
  const [{ no }] = await app.database.query(
    "select no from settlement_period where tenant_no = ? and commitment is not null",
    [place.tenant.no],
  );
  await app.database.query("update settlement_period set commitment = null where tenant_no = ? and no = ?", [
    ...[place.tenant.no, no],
  ]);
  const { differences } = await fsck(app, scope);
  expect(differences).toMatchObject([{ check: "COMMITMENTS" }]);
  expect((await recomputedCommitment(app.database.manager, place.partner, no)).size).toBe(3);
});

/** A batch's JWS as it was sent. */
async function sentJws(place: Place, batch: Batch): Promise<string> {
  const [{ envelope }] = await app.database.query(
    "select envelope from batch_content where tenant_no = ? and batch_no = ?",
    [place.tenant.no, batch.no],
  );
  return unpackEnvelope(envelope);
}

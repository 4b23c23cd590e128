import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { type FsckReport, fsck } from "../../src/operations/fsck/service.js";
import type { Place } from "../settlement/place.js";
import { testApp } from "../support/app.js";
import { openEverything } from "./fsck-place.js";

const app = await testApp();
let place: Place;

beforeAll(async () => {
  place = await openEverything(app);
});

/** What a row is made to say, and which of the tenant's rows; the check that finds it, and what it names. */
type Tampering = readonly [set: string, which: string, check: string, subject: RegExp];

/** What fsck says of a table, or of a column that holds a hash, where something else is written; or why nothing. */
const SAID: Readonly<Record<string, Tampering | readonly Tampering[] | string>> = {
  account: ["balance_minor = balance_minor + 1", "account = 'STAKES'", "BALANCES", /STAKES/],
  act: [
    ["principal_id = 'somebody'", "tree_index = 3", "ACTS", /leaf$/],
    ["detail = 'not JSON'", "tree_index = 3", "ACTS", /detail$/],
    ["detail = 'not JSON'", "type = 'BATCH_POSTED'", "STATES", /^bat_\w+ (posting|state by act \d+)$/],
    ["detail = null", "type = 'STATEMENT_ISSUED'", "ACTS", /detail$/],
    ["origin = 'not JSON'", "tree_index = 3", "ACTS", /origin$/],
    ["origin = null, address = null", "tree_index = 3", "ACTS", /origin$/],
    ["address = '192.0.2.1'", "tree_index = 3", "ACTS", /address$/],
  ],
  "act.detail_sha256": [flipped("detail_sha256"), "tree_index = 3", "ACTS", /detail$/],
  "act.origin_sha256": [flipped("origin_sha256"), "tree_index = 3", "ACTS", /origin$/],
  "act.leaf_hash": [flipped("leaf_hash"), "tree_index = 3", "ACTS", /leaf$/],
  act_sequence: ["last_sequence = last_sequence + 1", "true", "SEQUENCES", /^last sequence/],
  activity_total: ["sum_minor = sum_minor + 1", "kind = 'BET' and currency = 'USD'", "TOTALS", /BET/],
  batch: [
    ["state = 'ACCEPTED'", "state = 'PARKED'", "STATES", /state by act \d+$/],
    ["state = 'REJECTED'", "state = 'ACCEPTED'", "STATES", /state by act \d+$/],
    ["state = 'ACCEPTED'", "state = 'QUARANTINED'", "STATES", /state by act \d+$/],
    ["state = 'QUARANTINED'", "state = 'REJECTED'", "STATES", /state by act \d+$/],
    ["state = 'REJECTED'", "removed_at is not null", "STATES", /state by act \d+$/],
    ["removed_at = null", "removed_at is not null", "STATES", /state by act \d+$/],
    ["removed_at = now(3)", "state = 'PARKED'", "STATES", /state by act \d+$/],
    ["kid = 'another'", "state = 'PARKED'", "STATES", /acceptance$/],
    ["jti = 'another'", "state = 'PARKED'", "STATES", /acceptance$/],
    ["encryption_kid = 'another'", "state = 'PARKED'", "STATES", /encryption$/],
    ["ledger_version = 99", "posted_count = 2", "STATES", /posting$/],
    ["taken_count = taken_count - 1", "removed_at is not null", "REMOVALS", /taken count$/],
  ],
  "batch.jti_hash": [flipped("jti_hash"), "state = 'PARKED'", "STATES", /jti$/],
  "batch.payload_sha256": [flipped("payload_sha256"), "state = 'PARKED'", "STATES", /acceptance$/],
  "batch.leaf_hash": [flipped("leaf_hash"), "state = 'PARKED'", "STATES", /leaf$/],
  "batch.encrypted_sha256": ["encrypted_sha256 = payload_sha256", "state = 'PARKED'", "STATES", /encryption$/],
  batch_content: [flipped("envelope"), "true", "BATCHES", /^bat_\w+/],
  batch_outcome: [flipped("outcomes"), "true", "BATCHES", /^bat_\w+/],
  "batch_outcome.outcomes_sha256": [flipped("outcomes_sha256"), "true", "STATES", /told outcomes$/],
  batch_quarantine: [
    ["decision = null", "decision = 'REJECTED'", "STATES", /decision$/],
    ["decision = 'RELEASED'", "decision is null", "STATES", /decision$/],
  ],
  brand: ["code = 'south'", "code = 'north'", "BATCHES", /item 0$/],
  client: "says who may call, and acts tell what each was given; it holds nothing of money",
  client_key: [
    ['public_jwk = replace(public_jwk, \'"x":"\', \'"x":"A\')', "true", "DIGESTS", /^client keys key_/],
    ["public_jwk = 'not JSON'", "true", "DIGESTS", /^client keys key_/],
  ],
  "client_key.thumbprint": [flipped("thumbprint"), "true", "DIGESTS", /^client keys key_/],
  client_policy: "says how much a client may ask; acts tell it",
  collection: [
    ["amount_minor = amount_minor + 1", "true", "PAYOUTS", /(PAYABLE|collected)/],
    ["state = 'REFUSED'", "state = 'COLLECTED'", "PAYOUTS", /(PAYABLE|collected)/],
  ],
  configuration: ["document = replace(document, '0.12', '0.13')", "true", "DIGESTS", /^configurations cfg_/],
  "configuration.document_sha256": [flipped("document_sha256"), "true", "DIGESTS", /^configurations cfg_/],
  credit_lot: ["remaining_minor = remaining_minor + 1", "true", "CREDIT", /lot 1$/],
  "credit_lot.dedupe": [flipped("dedupe"), "true", "CREDIT", /lot 1$/],
  credit_move: ["amount_minor = amount_minor + 1", "true", "CREDIT", /lot 1$/],
  credit_terms: "is read from the configuration, which DIGESTS holds, and what it decided is in lots and moves",
  data_key: "is sealed: another one opens nothing, and what it opened is then not readable to DIGESTS",
  dispute: "what it adjusted is a total and an entry, which TOTALS and ACTIVITY add up again from it",
  encryption_demand: "says how batches must come; acts tell it",
  entry: ["kind = 'SET_OFF'", "kind = 'POSTING'", "ACTIVITY", /./],
  entry_line: ["amount_minor = amount_minor + 1", "account = 'STAKES'", "ENTRIES", /entry \d+/],
  exchange_rate: "a rate that was used stands on its statement, which is computed again from itself",
  fine_total: ["sum_minor = sum_minor + 1", "true", "TOTALS", /fine/],
  "fine_total.player": [flipped("player"), "true", "TOTALS", /fine/],
  game_setting: "what it said of a game stands on statements; acts tell it",
  idempotent_answer: "an answer for whoever asks again, forgotten after 120 days; what was done is an act",
  "idempotent_answer.input_sha256": "the input is not kept, so there is nothing to hash again",
  lease: "says who leads, for seconds",
  log_anchor: "says how far others are; what they hold is the file, which ANCHORS reads",
  log_checkpoint: ["note = replace(note, 'quittance/', 'quittunce/')", "true", "CHECKPOINTS", /note$/],
  "log_checkpoint.root": [flipped("root"), "true", "CHECKPOINTS", /^checkpoint \d+$/],
  log_cosignature: "is a witness' word for others: it verifies or does not wherever it is read",
  log_key: ["public_jwk = 'not JSON'", "true", "TREE", /^tnt_/],
  log_tile: ["hashes = concat(repeat('x', 32), substring(hashes, 33))", "level = 0", "TREE", /^tile 0/],
  log_tree: ["size = size + 1", "true", "TREE", /^size and root$/],
  "log_tree.root": [flipped("root"), "true", "TREE", /^size and root$/],
  migration: "says which migrations ran; it is the installation's",
  partner: "its id is in the leaf of each of its acts, and its numbers are foreign keys",
  payout: ["paid_minor = paid_minor + 1", "true", "PAYOUTS", /(PAYABLE|paid)/],
  payout_account: ["bic = 'COBADEFF'", "partner_id is not null", "DIGESTS", /^payout accounts pac_/],
  "payout_account.fingerprint": [flipped("fingerprint"), "true", "DIGESTS", /^payout accounts pac_/],
  payout_file: [flipped("content_sealed"), "true", "DIGESTS", /^payout files pfl_/],
  "payout_file.sha256": [flipped("sha256"), "true", "DIGESTS", /^payout files pfl_/],
  platform_key: [
    ['public_jwk = replace(public_jwk, \'"kid":"\', \'"kid":"x\')', "purpose = 'SIGNING'", "STATEMENTS", /^stm_\w+$/],
    ["public_jwk = 'not JSON'", "purpose = 'SIGNING'", "STATEMENTS", /^ptn_\w+$/],
  ],
  posting_cursor: ["entry_no = entry_no + 1", "entry_no > 0", "ENTRIES", /entries$/],
  product: ["code = 'poker'", "code = 'crash'", "BATCHES", /item \d$/],
  retention_change: "says from when on what may leave; acts tell it",
  reversal: "both of its columns are keys",
  "reversal.original": [flipped("original"), "true", "REVERSALS", /^reversal/],
  "reversal.rollback": [flipped("rollback"), "true", "REVERSALS", /^reversal/],
  revoked_token: "lapses with the token",
  seen_assertion: "lapses within minutes",
  "seen_assertion.jti_hash": "lapses within minutes",
  seen_proof: "lapses within minutes",
  "seen_proof.proof_hash": "lapses within minutes",
  set_off: "its amount is part of PAYABLE, which PAYOUTS adds up again from it",
  settlement_incident: "says when what was refused is tried again",
  settlement_period: [
    ["state = 'CLOSED'", "state = 'PAID'", "STATEMENTS", /period$/],
    ["removed_batches = 0", "removed_batches > 0", "REMOVALS", /^prd_\w+ removed$/],
    ["removed_batches = 1", "state = 'OPEN'", "REMOVALS", /^prd_\w+ removed$/],
    [
      "commitment = concat(left(commitment, 20), 'x', substring(commitment, 22))",
      "state = 'PAID'",
      "COMMITMENTS",
      /kept$/,
    ],
  ],
  settlement_run: "says how far a run is",
  settlement_run_partner: "says how far a run is",
  sign_in_provider: "says how people sign in; acts tell it",
  simulated_statement: "is what would be",
  simulation: "is what would be",
  statement: [
    ["closing_minor = closing_minor + 1", "true", "STATEMENTS", /closing$/],
    ["set_off_minor = set_off_minor + 1", "true", "PAYOUTS", /set off stm_\w+$/],
    ["jws = concat(left(jws, 200), 'AAAA', substring(jws, 205))", "true", "STATEMENTS", /^stm_\w+$/],
  ],
  statement_reply: ["jws = replace(jws, '.', '.e')", "true", "DIGESTS", /^statement replies rpl_/],
  "statement_reply.payload_sha256": [flipped("payload_sha256"), "true", "DIGESTS", /^statement replies rpl_/],
  taken_id: ["batch_no = 0", "true", "REMOVALS", /taken ids$/],
  "taken_id.dedupe": [flipped("dedupe"), "true", "REMOVALS", /taken ids$/],
  "taken_id.content_hash": [flipped("content_hash"), "true", "REMOVALS", /taken ids$/],
  "taken_id.reverses": [flipped("reverses"), "reverses is not null", "REVERSALS", /^reversal/],
  tenant: "its id is in the leaf of each act; its key of pseudonyms is sealed, and makes the players of BATCHES",
  threat_assessment: "is an opinion, and an act tells it; what came of it is the batch's state, which STATES holds",
  threat_block: "says whose batches are held; acts tell it",
  threat_profile: "is what is usual for a sender, from which opinions are made",
  threat_rules: ["document = replace(document, '1', '2')", "true", "DIGESTS", /^threat rules thr_/],
  "threat_rules.document_sha256": [flipped("document_sha256"), "true", "DIGESTS", /^threat rules thr_/],
  threat_threshold: "moves by judgements, which acts tell",
  transaction: [
    ["round = '8'", "external_id = 'b-2'", "BATCHES", /item 0$/],
    ["reverses = 'b-9'", "external_id = 'r-2'", "BATCHES", /item 1$/],
    ["state = 'REFUSED'", "external_id = 'b-2'", "BATCHES", /item 0$/],
  ],
  "transaction.dedupe": [flipped("dedupe"), "external_id = 'b-2'", "BATCHES", /item 0$/],
  "transaction.content_hash": [flipped("content_hash"), "external_id = 'b-2'", "BATCHES", /item 0$/],
  "transaction.player": [flipped("player"), "external_id = 'b-2'", "BATCHES", /item 0$/],
  trusted_document: ["text = '{ another }'", "true", "DIGESTS", /^trusted documents/],
  "trusted_document.hash": [flipped("hash"), "true", "DIGESTS", /^trusted documents/],
  user: "says who may sign in; acts tell it",
  user_session: "ends within hours",
  "user_session.secret_hash": "the secret is not kept, so there is nothing to hash again",
};

const TABLES = new Map(
  readFileSync("schema/tables.sql", "utf8")
    .split(/^CREATE TABLE `/m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf("`")), text] as const),
);

test("every table and every column that holds a hash is accounted for", () => {
  const named = [...TABLES].flatMap(([table, text]) => {
    const hashes = [...text.matchAll(/^ {2}`(\w+)` binary\((?:16|32)\)/gm)].map(([, column]) => `${table}.${column}`);
    return [table, ...hashes];
  });
  expect(Object.keys(SAID).toSorted()).toEqual(named.toSorted());
});

const cases = Object.entries(SAID).flatMap(([name, said]) => {
  if (typeof said === "string") return [];
  const all = isOne(said) ? [said] : said;
  return all.map(([set, which, check, subject]) => [name, check, subject, set, which] as const);
});

describe("fsck", () => {
  test("finds nothing where nothing was tampered with", async () => {
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  });

  test.each(cases)("of what is wrong in %s names %s of %s", async (name, check, subject, set, which) => {
    const { ok, differences } = await tampered(name.split(".")[0] ?? "", set, which);
    expect(ok).toBe(false);
    const named = differences.filter((difference) => String(difference.check) === check);
    expect([named.map((each) => each.subject), differences]).toEqual([[expect.stringMatching(subject)], differences]);
    expect(named[0]?.expected).not.toBe(named[0]?.found);
  });
});

function isOne(said: Tampering | readonly Tampering[]): said is Tampering {
  return typeof said[0] === "string";
}

/** One bit of one byte the other way. */
function flipped(column: string): string {
  const byte = `char(ascii(substring(${column}, 12, 1)) ^ 1)`;
  return `${column} = concat(left(${column}, 11), ${byte}, substring(${column}, 13))`;
}

/** What fsck finds while one row of the tenant's says something else. */
async function tampered(table: string, set: string, which: string): Promise<FsckReport> {
  const { no, id } = place.tenant;
  const own = TABLES.get(table)?.includes("`tenant_no`") === true ? `tenant_no = ${no}` : `tenant_id = '${id}'`;
  const held: Record<string, unknown>[] = await app.database.query(`select * from ${table} where ${own}`);
  const runner = app.database.createQueryRunner();
  try {
    await runner.query("set foreign_key_checks = 0");
    const { affectedRows } = await runner.query(`update ${table} set ${set} where ${own} and ${which} limit 1`);
    expect(affectedRows).toBe(1);
    return await fsck(app, { tenantId: id });
  } finally {
    const columns = Object.keys(held[0] ?? {});
    await runner.query(`delete from ${table} where ${own}`);
    await runner.query(`insert into ${table} (${columns.join(", ")}) values ?`, [
      held.map((row) => columns.map((column) => row[column])),
    ]);
    await runner.query("set foreign_key_checks = 1");
    await runner.release();
  }
}

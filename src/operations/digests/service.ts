import { calculateJwkThumbprint } from "jose";
import { ActType } from "../../acts/entities.js";
import { TrustedDocument } from "../../identity/documents/entities.js";
import { ClientKey } from "../../identity/entities.js";
import { sha256 } from "../../kernel/digest.js";
import type { App } from "../../platform/app.js";
import { isPassingTrouble, type Reader } from "../../platform/database.js";
import { rowsOf } from "../../platform/rows.js";
import { fingerprintAgain } from "../../settlement/account-details/service.js";
import { Configuration } from "../../settlement/entities.js";
import { PayoutAccount } from "../../settlement/payout-accounts/entities.js";
import { PayoutFile } from "../../settlement/payout-files/entities.js";
import { messageSha256 } from "../../settlement/payout-files/service.js";
import { StatementReply } from "../../settlement/replies/entities.js";
import type { Tenant } from "../../tenancy/entities.js";
import { ThreatRules } from "../../threat/documents/entities.js";
import { Check, type Findings } from "../findings/rules.js";

const ROWS_MAX = 200;

/** Something that is stored with a digest of it, and what is to know about checking that. */
interface Source<T> {
  readonly noun: string;
  /** What follows after `id`, in the order of the ids. */
  after(reader: Reader, tenant: Tenant, id: string): Promise<T[]>;
  idOf(row: T): string;
  /** The digest as it is stored. */
  stored(row: T): Buffer;
  /** The digest of what is stored, made again. */
  again(app: App, row: T): Buffer | Promise<Buffer>;
  /** The act that says it, and the member of its `after`, whose text is in this encoding; null where none does. */
  readonly told: { readonly type: ActType; readonly member: string; readonly encoding: BufferEncoding } | null;
}

/** Computes digests again from what is stored beside them, and holds them against the acts that told them first. */
export async function checkDigests(app: App, reader: Reader, tenant: Tenant, findings: Findings): Promise<void> {
  const scope = { app, reader, tenant, findings };
  await checkSource(scope, configurations);
  await checkSource(scope, threatRules);
  await checkSource(scope, clientKeys);
  await checkSource(scope, trustedDocuments);
  await checkSource(scope, statementReplies);
  await checkSource(scope, payoutAccounts);
  await checkSource(scope, payoutFiles);
}

const configurations: Source<Configuration> = {
  noun: "configurations",
  after: (reader, { id: tenantId }, id) => page(reader, Configuration, "tenant_id = ?", [tenantId, id]),
  idOf: ({ id }) => id,
  stored: ({ documentSha256 }) => documentSha256,
  again: (_app, { document }) => sha256(document),
  told: { type: ActType.CONFIGURATION_DRAFTED, member: "documentSha256", encoding: "hex" },
};

const threatRules: Source<ThreatRules> = {
  noun: "threat rules",
  after: (reader, { no }, id) => page(reader, ThreatRules, "tenant_no = ?", [no, id]),
  idOf: ({ id }) => id,
  stored: ({ documentSha256 }) => documentSha256,
  again: (_app, { document }) => sha256(document),
  told: { type: ActType.THREAT_RULES_DRAFTED, member: "documentSha256", encoding: "hex" },
};

/** By the thumbprint (RFC 7638), so that what verified a batch is the key that was registered. */
const clientKeys: Source<ClientKey> = {
  noun: "client keys",
  after: (reader, { id: tenantId }, id) => page(reader, ClientKey, "tenant_id = ?", [tenantId, id]),
  idOf: ({ id }) => id,
  stored: ({ thumbprint }) => thumbprint,
  again: async (_app, { publicJwk }) => Buffer.from(await calculateJwkThumbprint(JSON.parse(publicJwk)), "base64url"),
  told: { type: ActType.KEY_REGISTERED, member: "thumbprint", encoding: "base64url" },
};

const trustedDocuments: Source<TrustedDocument> = {
  noun: "trusted documents",
  after: (reader, { id: tenantId }, id) =>
    rowsOf(reader, TrustedDocument, "tenant_id = ? and hash > ? order by hash limit ?", [
      ...[tenantId, Buffer.from(id, "hex"), ROWS_MAX],
    ]),
  idOf: ({ hash }) => hash.toString("hex"),
  stored: ({ hash }) => hash,
  again: (_app, { text }) => sha256(text),
  told: null, // they are called by it
};

const statementReplies: Source<StatementReply> = {
  noun: "statement replies",
  after: (reader, { id: tenantId }, id) => page(reader, StatementReply, "tenant_id = ?", [tenantId, id]),
  idOf: ({ id }) => id,
  stored: ({ payloadSha256 }) => payloadSha256,
  again: (_app, { jws }) => sha256(Buffer.from(jws.split(".")[1] ?? "", "base64url")),
  told: null, // the act is about the statement or the dispute
};

const payoutAccounts: Source<PayoutAccount> = {
  noun: "payout accounts",
  after: (reader, { id: tenantId }, id) => page(reader, PayoutAccount, "tenant_id = ?", [tenantId, id]),
  idOf: ({ id }) => id,
  stored: ({ fingerprint }) => fingerprint,
  again: fingerprintAgain,
  told: { type: ActType.PAYOUT_ACCOUNT_REGISTERED, member: "fingerprint", encoding: "hex" },
};

const payoutFiles: Source<PayoutFile> = {
  noun: "payout files",
  after: (reader, { id: tenantId }, id) => page(reader, PayoutFile, "tenant_id = ?", [tenantId, id]),
  idOf: ({ id }) => id,
  stored: (file) => file.sha256,
  again: messageSha256,
  told: { type: ActType.PAYOUT_FILE_MADE, member: "sha256", encoding: "hex" },
};

function page<T extends object>(
  reader: Reader,
  entity: new () => T,
  scope: "tenant_id = ?" | "tenant_no = ?",
  values: readonly [tenant: string | number, after: string],
): Promise<T[]> {
  return rowsOf(reader, entity, `${scope} and id > ? order by id limit ?`, [...values, ROWS_MAX]);
}

interface Scope {
  readonly app: App;
  readonly reader: Reader;
  readonly tenant: Tenant;
  readonly findings: Findings;
}

async function checkSource<T>({ app, reader, tenant, findings }: Scope, source: Source<T>): Promise<void> {
  for (let after = ""; ; ) {
    const rows = await source.after(reader, tenant, after);
    findings.count(source.noun, rows.length);
    const toldOf = await tellings(reader, tenant, source, rows);
    for (const row of rows) {
      const subject = `${source.noun} ${source.idOf(row)}`;
      const found = source.stored(row).toString("hex");
      const expected = await digestAgain(app, source, row);
      if (expected !== found) findings.add(Check.DIGESTS, { subject, expected, found });
      const told = toldOf(source.idOf(row));
      if (told !== null && told !== found) findings.add(Check.DIGESTS, { subject, expected: told, found });
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_MAX) return;
    after = source.idOf(last);
  }
}

async function digestAgain<T>(app: App, source: Source<T>, row: T): Promise<string> {
  try {
    return (await source.again(app, row)).toString("hex");
  } catch (error) {
    if (isPassingTrouble(error)) throw error;
    return `nothing: it is not readable (${error instanceof Error ? error.name : "unknown"})`;
  }
}

/** What acts say of the digests of some rows, by their ids; null where no act is to say it. */
async function tellings<T>(
  reader: Reader,
  { no }: Tenant,
  source: Source<T>,
  rows: readonly T[],
): Promise<(id: string) => string | null> {
  const { told } = source;
  if (told === null || rows.length === 0) return () => null;
  const acts: { id: string; value: string | null }[] = await reader.query(
    `select subject_id as id, if(json_valid(detail), json_unquote(json_extract(detail, ?)), null) as value
     from act where tenant_no = ? and type = ? and subject_id in (?)`,
    [`$.after.${told.member}`, no, told.type, rows.map((row) => source.idOf(row))],
  );
  const said = new Map(acts.map(({ id, value }) => [id, Buffer.from(value ?? "", told.encoding).toString("hex")]));
  return (id) => said.get(id) ?? "an act that says";
}

import { z } from "zod";
import { ActType } from "../../acts/entities.js";
import {
  type ExtractFault,
  type ExtractKeys,
  type ReadExtract,
  readExtract,
  type SetAside,
  type StatedTree,
} from "../../exchange/extract-reading/service.js";
import { sha256Hex } from "../../kernel/digest.js";
import { type StatedPeriod, statedTree } from "../../settlement/proofs/service.js";
import { type LogPolicy, openProof } from "../../transparency/proofs/service.js";

const statementLine = z.strictObject({
  v: z.literal(1),
  statement: z.string(),
  /** That the log knows of it; exports of once have none. */
  logProof: z.string().exactOptional(),
});
const IssuedLeaf = z.object({ type: z.literal(ActType.STATEMENT_ISSUED), at: z.iso.datetime() });
const IssuedDetail = z.object({ after: z.object({ sha256: z.string() }) });

/** Whom a reader of an export believes. */
export type ExportKeys = Omit<ExtractKeys, "trees">;

/** Why a line of an export does not hold. */
export type ExportFault = ExtractFault | "STATEMENT_INVALID";

/** What an export comes to. */
export interface ExportReading {
  readonly batches: number;
  /** Of the export and given beside it. */
  readonly statements: number;
  /** By line, from 0; statements that were given beside it have none. */
  readonly faults: readonly { readonly line: number | null; readonly reason: ExportFault }[];
  /** Periods whose tree no statement states, so that their roots are taken from the export's own word. */
  readonly unstated: readonly string[];
  /** Batches that an act set aside or refused; what followed that act, an export cannot show. */
  readonly aside: readonly SetAside[];
  /** Batches whose key the log vouches for by its `kid` alone, as it did before acts held thumbprints. */
  readonly unvouched: readonly string[];
}

/**
 * A line of an export that holds a statement, which states the trees that its batches are in, and the proof in the log
 * that says how old it is, should its key be revoked one day.
 */
export function statementText(statement: string, logProof: string | null): string {
  return JSON.stringify({ v: 1, statement, ...(logProof === null ? {} : { logProof }) });
}

/**
 * Reads an export offline, as an outsider does: each batch holds by itself, and its periods' roots are those of signed
 * statements, which the export holds or somebody gives.
 */
export function readExport(lines: readonly string[], keys: ExportKeys, given: readonly string[] = []): ExportReading {
  const trees = new Map<string, StatedTree>();
  const faults: { line: number | null; reason: ExportFault }[] = [];
  const parsed = lines.map(parsedLine);
  const own = parsed.flatMap((value, line) => {
    const { data } = statementLine.safeParse(value);
    if (data === undefined) return [];
    return [{ line, jws: data.statement, provenAt: issuedAt(data.statement, data.logProof ?? "", keys.log) }];
  });
  const statements = [...own, ...given.map((jws) => ({ line: null, jws, provenAt: null }))];
  for (const { line, jws, provenAt } of statements) {
    const stated = statedTree(jws, keys.jwks, provenAt);
    if ("fault" in stated) faults.push({ line, reason: "STATEMENT_INVALID" });
    else if (contradicts(trees.get(stated.periodId), stated)) faults.push({ line, reason: "ANOTHER_ROOT" });
    else trees.set(stated.periodId, stated);
  }
  const held: ReadExtract[] = [];
  const statementLines = new Set(own.map(({ line }) => line));
  for (const [line, value] of parsed.entries()) {
    if (statementLines.has(line)) continue;
    const read = readExtract(value, { ...keys, trees });
    if ("fault" in read) faults.push({ line, reason: read.fault });
    else held.push(read);
  }
  return {
    ...{ batches: lines.length - own.length, statements: statements.length, faults },
    unstated: [...new Set(held.flatMap(({ unstated }) => unstated))].toSorted(),
    aside: byAct(held.flatMap(({ aside }) => aside ?? [])),
    unvouched: held.flatMap(({ unvouched }) => unvouched ?? []),
  };
}

function byAct(aside: readonly SetAside[]): SetAside[] {
  return aside.toSorted((one, other) => one.act - other.act);
}

/** When the log took up that this very statement was issued; null where that is not shown. */
function issuedAt(jws: string, logProof: string, log: LogPolicy): Date | null {
  const opened = openProof(logProof, log);
  if ("fault" in opened) return null;
  const leaf = IssuedLeaf.safeParse(parsedLine(opened.found.leaf)).data;
  const detail = IssuedDetail.safeParse(parsedLine(opened.found.detail ?? "")).data;
  return leaf === undefined || detail?.after.sha256 !== sha256Hex(jws) ? null : new Date(leaf.at);
}

function contradicts(known: StatedTree | undefined, { tenant, size, root }: StatedPeriod): boolean {
  return known !== undefined && !(known.tenant === tenant && known.size === size && known.root === root);
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null; // not JSON, so nothing that is looked for
  }
}

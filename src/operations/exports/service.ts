import { z } from "zod";
import { type ExtractFault, type ExtractKeys, readExtract, type StatedTree } from "../../exchange/extracts/service.js";
import { type StatedPeriod, statedTree } from "../../settlement/proofs/service.js";

const statementLine = z.strictObject({ v: z.literal(1), statement: z.string() });

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
}

/** A line of an export that holds a statement, which states the trees that its batches are in. */
export function statementText(statement: string): string {
  return JSON.stringify({ v: 1, statement });
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
    return data === undefined ? [] : [{ line, jws: data.statement }];
  });
  const statements = [...own, ...given.map((jws) => ({ line: null, jws }))];
  for (const { line, jws } of statements) {
    const stated = statedTree(jws, keys.jwks);
    if ("fault" in stated) faults.push({ line, reason: "STATEMENT_INVALID" });
    else if (contradicts(trees.get(stated.periodId), stated)) faults.push({ line, reason: "ANOTHER_ROOT" });
    else trees.set(stated.periodId, stated);
  }
  const unstated = new Set<string>();
  const statementLines = new Set(own.map(({ line }) => line));
  for (const [line, value] of parsed.entries()) {
    if (statementLines.has(line)) continue;
    const read = readExtract(value, { ...keys, trees });
    if ("fault" in read) faults.push({ line, reason: read.fault });
    else for (const periodId of read.unstated) unstated.add(periodId);
  }
  const batches = lines.length - own.length;
  return { batches, statements: statements.length, faults, unstated: [...unstated].toSorted() };
}

function contradicts(known: StatedTree | undefined, { tenant, size, root }: StatedPeriod): boolean {
  return known !== undefined && !(known.tenant === tenant && known.size === size && known.root === root);
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null; // not JSON, so no batch
  }
}

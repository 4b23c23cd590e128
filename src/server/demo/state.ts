import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Clock, instantText } from "../../kernel/clock.js";
import { newId } from "../../kernel/ids.js";

/** Where a demo keeps what it must remember, all below the data directory. */
export interface DemoPlace {
  readonly folder: string;
  readonly stateFile: string;
  /** There once the history is played and verified. */
  readonly doneFile: string;
  /** The private JWK of a client, readable by its owner alone. */
  readonly keyFile: (name: string) => string;
}

const Player = z.object({ code: z.string(), partnerId: z.string(), clientId: z.string() });
const State = z.object({
  v: z.literal(1),
  /** Makes the demo's idempotency keys this data directory's own. */
  nonce: z.string(),
  seed: z.string(),
  /** Where the history ends, RFC 3339; it begins thirty days before, with a local day of each partner. */
  through: z.string(),
  transactions: z.number().int(),
  /** Counts the starts, since a batch that is signed anew needs another `jti`. */
  run: z.number().int(),
  cast: z.object({ tenantId: z.string(), adminClientId: z.string(), players: z.array(Player) }).nullable(),
});

/** What a demo was told at its first start and has come to since; a restart goes on with the same. */
export type DemoState = z.infer<typeof State>;

/** Whom the demo created: the tenant, its administration's client, and the partners with a client each. */
export type Cast = NonNullable<DemoState["cast"]>;

/** Name of the administration's key file. */
export const ADMIN_KEY = "tenant";

const SEED = "quittance";

/** The demo's place below a data directory, made where it is missing. */
export function openDemoPlace(dataDir: string): DemoPlace {
  const folder = join(dataDir, "demo");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return {
    folder,
    stateFile: join(folder, "state.json"),
    doneFile: join(dataDir, "demo.done"),
    keyFile: (name) => join(folder, `${name}.key.json`),
  };
}

/** The state of the demo that was begun here, null where none was; throws when the file is not ours. */
export function readState({ stateFile }: DemoPlace): DemoState | null {
  return existsSync(stateFile) ? State.parse(JSON.parse(readFileSync(stateFile, "utf8"))) : null;
}

/** A demo at its beginning: its history ends now. */
export function newState(clock: Clock, transactions: number): DemoState {
  const through = instantText(clock.now());
  return { v: 1, nonce: newId("req", clock).slice(-16), seed: SEED, through, transactions, run: 0, cast: null };
}

/** Keeps the state; whoever reads it sees all of it or the one before. */
export function writeState({ stateFile }: DemoPlace, state: DemoState): void {
  writeWhole(stateFile, state);
}

/** Says that the history is played, with what scripts may want to know of it. */
export function writeDone(
  { doneFile, keyFile }: DemoPlace,
  { seed, through, transactions }: DemoState,
  cast: Cast,
): void {
  const players = cast.players.map((player) => ({ ...player, keyFile: keyFile(player.code) }));
  writeWhole(doneFile, { seed, through, transactions, ...cast, adminKeyFile: keyFile(ADMIN_KEY), players });
}

function writeWhole(file: string, content: object): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

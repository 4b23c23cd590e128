import "reflect-metadata";
import { Command, CommanderError } from "commander";
import { CodedError } from "../kernel/errors.js";
import { register as registerBatches } from "./commands/batches.js";
import { register as registerClientKeys } from "./commands/client-keys.js";
import { register as registerCollections } from "./commands/collections.js";
import { register as registerDecrypt } from "./commands/decrypt.js";
import { register as registerDemo } from "./commands/demo.js";
import { register as registerFsck } from "./commands/fsck.js";
import { register as registerGames } from "./commands/games.js";
import { register as registerImport } from "./commands/import.js";
import { register as registerKeys } from "./commands/keys.js";
import { register as registerLog } from "./commands/log.js";
import { register as registerNetworks } from "./commands/networks.js";
import { register as registerPayouts } from "./commands/payouts.js";
import { register as registerPeople } from "./commands/people.js";
import { register as registerPlatformKeys } from "./commands/platform-keys.js";
import { register as registerPolicies } from "./commands/policies.js";
import { register as registerProve } from "./commands/prove.js";
import { register as registerRates } from "./commands/rates.js";
import { register as registerRenditions } from "./commands/renditions.js";
import { register as registerRetain } from "./commands/retain.js";
import { register as registerReviews } from "./commands/reviews.js";
import { register as registerRoles } from "./commands/roles.js";
import { register as registerSettlement } from "./commands/settlement.js";
import { register as registerSimulate } from "./commands/simulate.js";
import { register as registerSubmit } from "./commands/submit.js";
import { register as registerTenants } from "./commands/tenants.js";
import { register as registerToken } from "./commands/token.js";
import { register as registerUp } from "./commands/up.js";
import { register as registerVerify } from "./commands/verify.js";
import { register as registerWitness } from "./commands/witness.js";

/** Exit codes: 1 where a command failed, 2 where it was called wrongly. */
const [FAILED, MISUSED] = [1, 2];

const program = new Command("quittance")
  .description("Settles money between a platform and its partners: signed batches in, proven statements out.")
  .exitOverride()
  .showHelpAfterError("(--help says how it is used)")
  .configureHelp({ sortSubcommands: true, showGlobalOptions: true });

for (const register of [
  registerRoles,
  registerUp,
  registerTenants,
  registerKeys,
  registerClientKeys,
  registerProve,
  registerPlatformKeys,
  registerPeople,
  registerPolicies,
  registerToken,
  registerSettlement,
  registerGames,
  registerRates,
  registerPayouts,
  registerCollections,
  registerReviews,
  registerSimulate,
  registerVerify,
  registerRenditions,
  registerDecrypt,
  registerFsck,
  registerLog,
  registerNetworks,
  registerWitness,
  registerRetain,
  registerBatches,
  registerSubmit,
  registerImport,
  registerDemo,
])
  register(program);

for (const stream of [process.stdout, process.stderr]) stream.on("error", unsaid);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode ||= exitCodeOf(error);
}

/** Who reads may leave (`| head`, a window that was closed): what is under way ends as ever. All else is a failure. */
function unsaid({ code }: NodeJS.ErrnoException): void {
  if (code === "EPIPE") return;
  process.exitCode = FAILED;
  console.error(`error: what there was to say could not be written (${code}).`);
}

/** Says on standard error what went wrong; commander has already said what it refuses. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : MISUSED;
  console.error(sentenceOf(error));
  return FAILED;
}

function sentenceOf(error: unknown): string {
  if (error instanceof CodedError) {
    const { path } = error.details;
    return `error: ${error.message}${path === undefined ? "" : ` (at ${path})`} [${error.code}]`;
  }
  return `error: ${error instanceof Error ? error.message : String(error)}`;
}

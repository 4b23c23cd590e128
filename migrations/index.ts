import type { MigrationInterface } from "typeorm";
import { Platform0000000000001 } from "./0001-platform.js";
import { Tenancy0000000000002 } from "./0002-tenancy.js";
import { Identity0000000000003 } from "./0003-identity.js";
import { Acts0000000000004 } from "./0004-acts.js";
import { Transparency0000000000005 } from "./0005-transparency.js";
import { Periods0000000000006 } from "./0006-periods.js";
import { Ledger0000000000007 } from "./0007-ledger.js";
import { Exchange0000000000008 } from "./0008-exchange.js";
import { Settlement0000000000009 } from "./0009-settlement.js";
import { Tries0000000000020 } from "./0020-tries.js";
import { Cursors0000000000023 } from "./0023-cursors.js";
import { Backlog0000000000026 } from "./0026-backlog.js";
import { Outcomes0000000000027 } from "./0027-outcomes.js";
import { CyclesAndVersions0000000000035 } from "./0035-cycles-and-versions.js";

/** Every migration, in the order they run; forward only, one concern each. */
export const migrations: readonly (new () => MigrationInterface)[] = [
  Platform0000000000001,
  Tenancy0000000000002,
  Identity0000000000003,
  Acts0000000000004,
  Transparency0000000000005,
  Periods0000000000006,
  Ledger0000000000007,
  Exchange0000000000008,
  Settlement0000000000009,
  Tries0000000000020,
  Cursors0000000000023,
  Backlog0000000000026,
  Outcomes0000000000027,
  CyclesAndVersions0000000000035,
];

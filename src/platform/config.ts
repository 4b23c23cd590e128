import { z } from "zod";
import { masterKeyOf, otherKeysOf } from "./key-files.js";
import { runningServers } from "./running-servers.js";
import { type WitnessAddress, witnessAddressesIn } from "./witness-addresses.js";

/** What a process is told from outside; read once, at its start. */
export interface Config {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Starts every key of ours in Redis; in braces, so that a cluster keeps them on one shard. */
  readonly redisPrefix: string;
  readonly dataDir: string;
  /** Where callers reach us; also the OAuth issuer. No slash at its end. */
  readonly publicUrl: string;
  readonly host: string;
  readonly port: number;
  readonly isProduction: boolean;
  /** Wraps tenants' data keys, under which their secrets lie: 32 bytes. */
  readonly masterKey: Buffer;
  /** Master keys that wrap no more, or not yet, and still unwrap. */
  readonly otherMasterKeys: readonly Buffer[];
  /** How old a signing key of the platform gets before it is replaced; 0 for any age. */
  readonly platformKeyDays: number;
  readonly databaseConnectionsMax: number;
  readonly backlog: BacklogLimits;
  readonly rates: RateLimits;
  readonly http: HttpLimits;
  /** After how long the database ends a statement of ours; null for never. */
  readonly statementMsMax: number | null;
  /** Where a worker or relay tells its metrics, 0 for any free port; null where it does not. */
  readonly metricsPort: number | null;
  readonly metricsHost: string;
  /** Where the relay that leads writes checkpoints down outside the database; null where it does not. */
  readonly anchorDir: string | null;
  /** Who cosigns checkpoints over HTTP (C2SP tlog-witness). */
  readonly witnesses: readonly WitnessAddress[];
  /** How many of them a process must have heard before it signs a log; null for all. */
  readonly witnessQuorum: number | null;
  /** How this process calls itself in leases and logs, e.g. `relay-1`. */
  readonly processName: string;
  readonly logLevel: string;
}

/** So many batches, and bytes of them. */
export interface BatchesLimit {
  readonly batchesMax: number;
  readonly bytesMax: number;
}

/** How much may wait to be posted, and be at work, before new batches are refused with `RATE_LIMITED`. */
export interface BacklogLimits {
  readonly partner: BatchesLimit;
  readonly tenant: BatchesLimit;
  readonly installation: BatchesLimit;
  /** How long a partner's oldest batch may have waited. */
  readonly ageMsMax: number;
  /** From when on a partner is behind: its new batches are held up, so that no more is accepted than posting bears. */
  readonly behindMs: number;
  /** In one process: batches being accepted, and bytes of large requests from their headers to their answers. */
  readonly intake: BatchesLimit;
}

/** How many points somebody may spend in every window of ten seconds; a plain request is one. */
export interface RateLimits {
  readonly clientPointsMax: number;
  /** Of a network address, for what comes without a token. */
  readonly addressPointsMax: number;
}

/** What an api process lets anybody do over HTTP. */
export interface HttpLimits {
  /** Origins whose pages may call us from a browser; besides our own, none where the list is empty. */
  readonly origins: readonly string[];
  /** Networks (CIDR) whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly hasGraphiql: boolean;
  /** How long an operation may work until it is answered that it takes too long. */
  readonly operationMsMax: number;
  /** How long the body of a request may take, and its bytes at 200 kB/s on top. */
  readonly bodyMsMax: number;
  /** Open at once, of one address. */
  readonly connectionsMax: number;
  /** WebSockets and event streams open at once, of one client. */
  readonly liveMax: number;
}

const MEBIBYTE = 1024 * 1024;

/** The limits where none are configured. */
export const BACKLOG_DEFAULTS: BacklogLimits = {
  partner: { batchesMax: 2_000, bytesMax: 256 * MEBIBYTE },
  tenant: { batchesMax: 10_000, bytesMax: 1_024 * MEBIBYTE },
  installation: { batchesMax: 20_000, bytesMax: 2_048 * MEBIBYTE },
  ageMsMax: 60_000,
  behindMs: 1_000,
  intake: { batchesMax: 256, bytesMax: 128 * MEBIBYTE },
};

/** Rates where none are configured: far above what one process can answer, in cheap requests. */
export const RATE_DEFAULTS: RateLimits = { clientPointsMax: 200_000, addressPointsMax: 20_000 };

/** What HTTP allows where nothing is configured. */
export const HTTP_DEFAULTS: HttpLimits = {
  ...{ origins: [], trustedProxies: [], hasGraphiql: true },
  ...{ operationMsMax: 45_000, bodyMsMax: 15_000, connectionsMax: 4_000, liveMax: 2_500 },
};

/** The data directory where none is named. */
export const DATA_DIR_DEFAULT = ".quittance";
/** The port where none is named. */
export const PORT_DEFAULT = 4000;

const PLATFORM_KEY_DAYS = 90;

const Environment = z.object({
  DATABASE_URL: z.string().optional(),
  REDIS_URL: z.string().optional(),
  QUITTANCE_REDIS_PREFIX: z
    .string()
    .regex(/^[a-z0-9-]+$/)
    .default("quittance"),
  QUITTANCE_DATA_DIR: z.string().default(DATA_DIR_DEFAULT),
  QUITTANCE_PUBLIC_URL: z.url().optional(),
  QUITTANCE_HOST: z.string().default("127.0.0.1"),
  QUITTANCE_PORT: z.coerce.number().int().min(0).max(65_535).default(PORT_DEFAULT),
  QUITTANCE_MASTER_KEY: z.string().optional(),
  QUITTANCE_MASTER_KEYS_OTHER: z.string().default(""),
  QUITTANCE_PLATFORM_KEY_DAYS: z.coerce.number().int().min(0).max(3_650).default(PLATFORM_KEY_DAYS),
  QUITTANCE_DATABASE_CONNECTIONS: z.coerce.number().int().min(2).max(500).default(10),
  QUITTANCE_BACKLOG_PARTNER_BATCHES: limit(BACKLOG_DEFAULTS.partner.batchesMax),
  QUITTANCE_BACKLOG_PARTNER_BYTES: limit(BACKLOG_DEFAULTS.partner.bytesMax),
  QUITTANCE_BACKLOG_TENANT_BATCHES: limit(BACKLOG_DEFAULTS.tenant.batchesMax),
  QUITTANCE_BACKLOG_TENANT_BYTES: limit(BACKLOG_DEFAULTS.tenant.bytesMax),
  QUITTANCE_BACKLOG_BATCHES: limit(BACKLOG_DEFAULTS.installation.batchesMax),
  QUITTANCE_BACKLOG_BYTES: limit(BACKLOG_DEFAULTS.installation.bytesMax),
  QUITTANCE_BACKLOG_AGE_MS: limit(BACKLOG_DEFAULTS.ageMsMax),
  QUITTANCE_BACKLOG_BEHIND_MS: limit(BACKLOG_DEFAULTS.behindMs),
  QUITTANCE_INTAKE_BATCHES: limit(BACKLOG_DEFAULTS.intake.batchesMax),
  QUITTANCE_INTAKE_BYTES: limit(BACKLOG_DEFAULTS.intake.bytesMax),
  QUITTANCE_RATE_CLIENT_POINTS: limit(RATE_DEFAULTS.clientPointsMax),
  QUITTANCE_RATE_ADDRESS_POINTS: limit(RATE_DEFAULTS.addressPointsMax),
  QUITTANCE_ORIGINS: list(z.url().regex(/^https?:\/\/[^/]+$/)),
  QUITTANCE_TRUSTED_PROXIES: list(z.union([z.cidrv4(), z.cidrv6()])),
  QUITTANCE_GRAPHIQL: z.enum(["on", "off"]).optional(),
  QUITTANCE_OPERATION_MS: limit(HTTP_DEFAULTS.operationMsMax),
  QUITTANCE_BODY_MS: limit(HTTP_DEFAULTS.bodyMsMax),
  QUITTANCE_ADDRESS_CONNECTIONS: limit(HTTP_DEFAULTS.connectionsMax),
  QUITTANCE_CLIENT_LIVE: limit(HTTP_DEFAULTS.liveMax),
  QUITTANCE_METRICS_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  QUITTANCE_METRICS_HOST: z.string().default("127.0.0.1"),
  QUITTANCE_ANCHOR_DIR: z.string().min(1).optional(),
  QUITTANCE_WITNESSES: z.string().default(""),
  QUITTANCE_WITNESS_QUORUM: z.coerce.number().int().min(1).optional(),
  QUITTANCE_PROCESS: z.string().default("quittance"),
  QUITTANCE_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
  NODE_ENV: z.string().optional(),
});

/** Settings said on the command line; each wins over the environment. */
export interface ConfigOverrides {
  readonly dataDir?: string | undefined;
  readonly databaseUrl?: string | undefined;
  readonly redisUrl?: string | undefined;
  readonly port?: number | undefined;
  readonly publicUrl?: string | undefined;
  readonly anchorDir?: string | undefined;
}

/**
 * The configuration from the environment, the command line and, where neither names the servers, from
 * `<data-dir>/run/services.json`, which `quittance up` writes. Throws a sentence for people when something is missing.
 */
export function readConfig(overrides: ConfigOverrides = {}): Config {
  const environment = Environment.parse(process.env);
  const dataDir = overrides.dataDir ?? environment.QUITTANCE_DATA_DIR;
  const port = overrides.port ?? environment.QUITTANCE_PORT;
  const servers = serversOf(overrides, environment, dataDir);
  const isProduction = environment.NODE_ENV === "production";
  return {
    ...servers,
    redisPrefix: `{${environment.QUITTANCE_REDIS_PREFIX}}`,
    dataDir,
    host: environment.QUITTANCE_HOST,
    port,
    publicUrl: publicUrlOf(overrides.publicUrl ?? environment.QUITTANCE_PUBLIC_URL, dataDir, port),
    isProduction,
    masterKey: masterKeyOf(environment.QUITTANCE_MASTER_KEY, dataDir),
    otherMasterKeys: otherKeysOf(environment.QUITTANCE_MASTER_KEYS_OTHER),
    platformKeyDays: environment.QUITTANCE_PLATFORM_KEY_DAYS,
    databaseConnectionsMax: environment.QUITTANCE_DATABASE_CONNECTIONS,
    backlog: backlogOf(environment),
    rates: {
      clientPointsMax: environment.QUITTANCE_RATE_CLIENT_POINTS,
      addressPointsMax: environment.QUITTANCE_RATE_ADDRESS_POINTS,
    },
    http: httpOf(environment),
    statementMsMax: null,
    metricsPort: environment.QUITTANCE_METRICS_PORT ?? null,
    metricsHost: environment.QUITTANCE_METRICS_HOST,
    anchorDir: overrides.anchorDir ?? environment.QUITTANCE_ANCHOR_DIR ?? null,
    witnesses: witnessAddressesIn(environment.QUITTANCE_WITNESSES, isProduction),
    witnessQuorum: environment.QUITTANCE_WITNESS_QUORUM ?? null,
    processName: environment.QUITTANCE_PROCESS,
    logLevel: environment.QUITTANCE_LOG_LEVEL,
  };
}

/** What the environment says to `up`: where it keeps things, and servers that it uses instead of its own pair. */
export function placeSettings(): {
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
} {
  return {
    dataDir: process.env["QUITTANCE_DATA_DIR"] ?? DATA_DIR_DEFAULT,
    databaseUrl: process.env["DATABASE_URL"],
    redisUrl: process.env["REDIS_URL"],
  };
}

/** The environment of a child process: ours, with its own settings on top. */
export function childEnvironment(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...settings };
}

/** A limit of at least 1. */
function limit(value: number) {
  return z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).default(value);
}

/** Words with commas or blanks between them, each of that form. */
function list(each: z.ZodType<string, string>) {
  return z
    .string()
    .default("")
    .transform((text) => text.split(/[\s,]+/).filter((word) => word !== ""))
    .pipe(z.array(each));
}

function backlogOf(environment: z.infer<typeof Environment>): BacklogLimits {
  return {
    partner: {
      batchesMax: environment.QUITTANCE_BACKLOG_PARTNER_BATCHES,
      bytesMax: environment.QUITTANCE_BACKLOG_PARTNER_BYTES,
    },
    tenant: {
      batchesMax: environment.QUITTANCE_BACKLOG_TENANT_BATCHES,
      bytesMax: environment.QUITTANCE_BACKLOG_TENANT_BYTES,
    },
    installation: {
      batchesMax: environment.QUITTANCE_BACKLOG_BATCHES,
      bytesMax: environment.QUITTANCE_BACKLOG_BYTES,
    },
    ageMsMax: environment.QUITTANCE_BACKLOG_AGE_MS,
    behindMs: environment.QUITTANCE_BACKLOG_BEHIND_MS,
    intake: { batchesMax: environment.QUITTANCE_INTAKE_BATCHES, bytesMax: environment.QUITTANCE_INTAKE_BYTES },
  };
}

function httpOf(environment: z.infer<typeof Environment>): HttpLimits {
  const isProduction = environment.NODE_ENV === "production";
  return {
    origins: environment.QUITTANCE_ORIGINS,
    trustedProxies: environment.QUITTANCE_TRUSTED_PROXIES,
    hasGraphiql: (environment.QUITTANCE_GRAPHIQL ?? (isProduction ? "off" : "on")) === "on",
    operationMsMax: environment.QUITTANCE_OPERATION_MS,
    bodyMsMax: environment.QUITTANCE_BODY_MS,
    connectionsMax: environment.QUITTANCE_ADDRESS_CONNECTIONS,
    liveMax: environment.QUITTANCE_CLIENT_LIVE,
  };
}

function serversOf(overrides: ConfigOverrides, environment: z.infer<typeof Environment>, dataDir: string) {
  const named = {
    databaseUrl: overrides.databaseUrl ?? (overrides.dataDir === undefined ? environment.DATABASE_URL : undefined),
    redisUrl: overrides.redisUrl ?? (overrides.dataDir === undefined ? environment.REDIS_URL : undefined),
  };
  if (named.databaseUrl !== undefined && named.redisUrl !== undefined) {
    return { databaseUrl: named.databaseUrl, redisUrl: named.redisUrl };
  }
  const running = runningServers(dataDir);
  const databaseUrl = named.databaseUrl ?? running?.databaseUrl;
  if (databaseUrl === undefined) {
    throw new Error(
      `No database is named and none runs in ${dataDir}. ` +
        `Start it with "quittance up --data-dir ${dataDir}", or give --database-url.`,
    );
  }
  return {
    databaseUrl,
    redisUrl: named.redisUrl ?? running?.redisUrl ?? "redis://127.0.0.1:6379",
  };
}

/** Where callers reach us: as named, else as `up` tells of this data directory, so that commands sign as its issuer. */
function publicUrlOf(named: string | undefined, dataDir: string, port: number): string {
  const url = named ?? runningServers(dataDir)?.url ?? `http://localhost:${port}`;
  return url.replace(/\/$/, "");
}

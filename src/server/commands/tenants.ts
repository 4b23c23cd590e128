import type { Command } from "commander";
import { type Actor, shellActor } from "../../kernel/actor.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";

interface TenantOptions extends ServerOptions {
  readonly name: string;
  readonly json?: boolean;
}

interface PartnerOptions extends ServerOptions {
  readonly tenant: string;
  readonly code: string;
  readonly name?: string;
  readonly kind: string;
  readonly currency: string[];
  readonly timezone: string;
  readonly json?: boolean;
}

/** The commands that set up tenants and partners: `tenant create`, `partner create`. Each loads only what it runs. */
export function register(program: Command): void {
  const tenant = program.command("tenant").description("tenants: the platforms that settle here");
  addServerOptions(tenant.command("create").description("create a tenant"))
    .requiredOption("--name <name>", "for people; 1 to 200 characters")
    .option("--json", "print one JSON document")
    .action(createTenantAtShell);
  const partner = program.command("partner").description("partners: whom a tenant settles with");
  addServerOptions(partner.command("create").description("create a partner of a tenant"))
    .requiredOption("--tenant <id>", "the tenant")
    .requiredOption("--code <code>", "unique within the tenant; 1 to 64 of A-Z a-z 0-9 . _ : -")
    .option("--name <name>", "for people (default: the code)")
    .requiredOption("--kind <kind>", "GAME_PROVIDER, AGGREGATOR, CREDIT_SUPPLIER or AFFILIATE")
    .requiredOption("--currency <codes...>", "what it may send, the settlement currency first, e.g. BTC USD")
    .requiredOption("--timezone <zone>", "IANA time zone in which its days begin, e.g. Asia/Seoul")
    .option("--json", "print one JSON document")
    .action(createPartnerAtShell);
}

/** The operator at this shell, acting for a tenant; throws `NOT_FOUND` where there is none of that id. */
export async function shellActorOf(app: App, tenantId: string): Promise<Actor> {
  const { tenantOf } = await import("../../tenancy/service.js");
  const tenant = await tenantOf(app, tenantId);
  return shellActor({ tenantId: tenant.id, tenantNo: tenant.no }, newId("req", app.clock));
}

async function createTenantAtShell({ json, name, ...server }: TenantOptions): Promise<void> {
  const { createTenant } = await import("../../tenancy/service.js");
  const { id } = await withApp(server, (app) => createTenant(app, null, name));
  if (json === true) return printJson({ id });
  console.log(`Tenant ${id} (${name}).`);
}

async function createPartnerAtShell(options: PartnerOptions, command: Command): Promise<void> {
  const { PartnerKind } = await import("../../tenancy/entities.js");
  const { createPartner } = await import("../../tenancy/service.js");
  const { json, tenant, code, name = code, currency: currencies, timezone, ...server } = options;
  const kind = Object.values(PartnerKind).find((each) => String(each) === options.kind);
  if (kind === undefined) command.error("error: --kind is GAME_PROVIDER, AGGREGATOR, CREDIT_SUPPLIER or AFFILIATE");
  const { id } = await withApp(server, async (app) =>
    createPartner(app, await shellActorOf(app, tenant), { code, name, kind, currencies, timezone }),
  );
  if (json === true) return printJson({ id });
  console.log(`Partner ${id} (${name}).`);
}

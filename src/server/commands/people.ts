import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import type { Actor } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { everyRow } from "./pages.js";
import { shellActorOf } from "./tenants.js";

/** Whose people: a tenant's, or the operators of the installation. */
interface PlaceOptions extends ServerOptions {
  readonly tenant?: string;
  readonly operator?: boolean;
  readonly json?: boolean;
}

interface CreateOptions extends PlaceOptions {
  readonly email: string;
  readonly name?: string;
  readonly roles: string;
}

interface UserOptions extends PlaceOptions {
  readonly user: string;
}

interface DisableOptions extends UserOptions {
  readonly reason: string;
}

interface ProviderOptions extends PlaceOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly secretFile: string;
  readonly name: string;
  readonly allTenants?: boolean;
  readonly allowPasswords?: boolean;
}

/**
 * The commands about people: `user create`, `user list`, `user invite`, `user disable`, `provider set`, `provider
 * remove`. Each loads only what it runs.
 */
export function register(program: Command): void {
  const user = program.command("user").description("people: who may sign in, and what for");
  addPlaceOptions(user.command("create").description("make a person's account and print a one-time invitation"))
    .requiredOption("--email <address>", "where the person is written to")
    .option("--name <name>", "for people (default: the address)")
    .requiredOption("--roles <roles>", "e.g. ADMIN, or FINANCE_DRAFTER,AUDITOR; operators: OPERATOR or AUDITOR")
    .action(createUserAtShell);
  addPlaceOptions(user.command("list").description("list people")).action(listUsers);
  addPlaceOptions(user.command("invite").description("print a new invitation; earlier ones are void"))
    .requiredOption("--user <id>", "the person, as `usr_…`")
    .action(inviteAtShell);
  addPlaceOptions(user.command("disable").description("end a person's sessions and let nobody sign in as him"))
    .requiredOption("--user <id>", "the person, as `usr_…`")
    .requiredOption("--reason <text>", "why, for the audit record")
    .action(disableAtShell);
  const provider = program.command("provider").description("OpenID providers: where people sign in");
  addPlaceOptions(provider.command("set").description("have people sign in by an OpenID provider"))
    .requiredOption("--issuer <url>", "the issuer, as its ID tokens name it")
    .requiredOption("--client-id <id>", "our client there")
    .requiredOption("--secret-file <file>", "a file with the client's secret")
    .requiredOption("--name <name>", "what the button says, e.g. the company's name")
    .option("--all-tenants", "with --operator: tenants without a provider of their own sign in here too")
    .option("--allow-passwords", "let people sign in by password as well")
    .action(setProviderAtShell);
  addPlaceOptions(provider.command("remove").description("have people sign in by password again")).action(
    removeProviderAtShell,
  );
}

function addPlaceOptions(command: Command): Command {
  return addServerOptions(command)
    .option("--tenant <id>", "the tenant whose people they are")
    .addOption(new Option("--operator", "the operators of the installation instead").conflicts("tenant"))
    .option("--json", "print one JSON document");
}

/** Does something as the operator at this shell, for a tenant or the installation. */
async function inPlace<T>(options: PlaceOptions, command: Command, work: (app: App, actor: Actor) => Promise<T>) {
  const { tenant, operator, json: _, ...server } = options;
  if (tenant === undefined && operator !== true) {
    command.error("error: name the tenant with --tenant, or say --operator");
  }
  const { ensurePlatformTenant } = await import("../../tenancy/service.js");
  return withApp(server, async (app) => {
    const tenantId = tenant ?? (await ensurePlatformTenant(app)).id;
    return work(app, await shellActorOf(app, tenantId));
  });
}

async function createUserAtShell(options: CreateOptions, command: Command): Promise<void> {
  const { Role } = await import("../../identity/users/entities.js");
  const { createUser } = await import("../../identity/users/service.js");
  const names = options.roles.split(/[\s,]+/).filter((name) => name !== "");
  const roles = names.flatMap((name) => Object.values(Role).filter((role) => String(role) === name));
  if (roles.length !== names.length) command.error(`error: --roles are of ${Object.values(Role).join(", ")}`);
  const { email, name = email } = options;
  const { user, invitation } = await inPlace(options, command, (app, actor) =>
    createUser(app, actor, { email, name, roles }),
  );
  if (options.json === true) return printJson({ id: user.id, invitation: invitation.url, endsAt: invitation.endsAt });
  console.log(`User ${user.id} (${user.email}). Whoever opens this link first becomes that person; it is good once, `);
  console.log(`until ${invitation.endsAt.toISOString()}:\n${invitation.url}`);
}

async function listUsers(options: PlaceOptions, command: Command): Promise<void> {
  const { usersOf } = await import("../../identity/users/service.js");
  const rows = await inPlace(options, command, (app, actor) =>
    everyRow("users", (request) => usersOf(app, actor, request)),
  );
  const users = rows.map(({ id, email, name, roleList, state }) => ({ id, email, name, roles: roleList, state }));
  if (options.json === true) return printJson(users);
  for (const { id, email, name, roles, state } of users) console.log(`${id}  ${state}  ${email}  ${name}  ${roles}`);
}

async function inviteAtShell(options: UserOptions, command: Command): Promise<void> {
  const { inviteUser } = await import("../../identity/users/service.js");
  const { user, invitation } = await inPlace(options, command, (app, actor) => inviteUser(app, actor, options.user));
  if (options.json === true) return printJson({ id: user.id, invitation: invitation.url, endsAt: invitation.endsAt });
  console.log(`For ${user.email}, once, until ${invitation.endsAt.toISOString()}:\n${invitation.url}`);
}

async function disableAtShell(options: DisableOptions, command: Command): Promise<void> {
  const { disableUser } = await import("../../identity/users/service.js");
  const { reason, user: userId } = options;
  const { id, state } = await inPlace(options, command, (app, actor) => disableUser(app, actor, { userId, reason }));
  if (options.json === true) return printJson({ id, state });
  console.log(`User ${id} is ${state}.`);
}

async function setProviderAtShell(options: ProviderOptions, command: Command): Promise<void> {
  const { setProvider } = await import("../../identity/providers/service.js");
  const { issuer, clientId, name, allTenants = false, allowPasswords = false } = options;
  const clientSecret = (await readFile(options.secretFile, "utf8")).trim();
  const input = { issuer, clientId, clientSecret, name };
  const redirectUri = await inPlace(options, command, async (app, actor) => {
    await setProvider(app, actor, { ...input, servesAllTenants: allTenants, allowsPasswords: allowPasswords });
    return `${app.config.publicUrl}/sign-in/callback`;
  });
  if (options.json === true) return printJson({ issuer, clientId, redirectUri });
  console.log(`People sign in at ${issuer}. Register ${redirectUri} there as the redirect URI.`);
}

async function removeProviderAtShell(options: PlaceOptions, command: Command): Promise<void> {
  const { removeProvider } = await import("../../identity/providers/service.js");
  await inPlace(options, command, removeProvider);
  if (options.json === true) return printJson({});
  console.log("People sign in by password again.");
}

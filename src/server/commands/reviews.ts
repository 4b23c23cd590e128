import { type Command, Option } from "commander";
import { addServerOptions, printJson, type ServerOptions, withApp } from "./app.js";
import { shellActorOf } from "./tenants.js";

interface TenantOptions extends ServerOptions {
  readonly tenant: string;
  readonly json?: boolean;
}

interface AnswerOptions extends TenantOptions {
  readonly outcome: "ACCEPTED" | "PARTLY_ACCEPTED" | "REJECTED";
  readonly amount?: string;
  readonly reason: string;
}

interface AbortOptions extends TenantOptions {
  readonly reason: string;
}

interface RetermOptions extends AbortOptions {
  readonly configuration: string;
}

/** The operator's commands after a statement is issued: `approve`, `dispute answer`, `period …`. */
export function register(program: Command): void {
  ofTenant(program.command("approve"))
    .description("approve statements and release their money, as two recorded acts each")
    .argument("<ids...>", "the statements, as `stm_…`")
    .action(approve);
  const dispute = program.command("dispute").description("disputes: what partners say is wrong on a statement");
  ofTenant(dispute.command("answer"))
    .description("answer a dispute, and approve the answer where money moves, as two recorded acts")
    .argument("<id>", "the dispute, as `dsp_…`")
    .addOption(
      new Option("--outcome <outcome>", "what is answered")
        .choices(["ACCEPTED", "PARTLY_ACCEPTED", "REJECTED"])
        .makeOptionMandatory(),
    )
    .option("--amount <decimal>", "what is put right, positive in the partner's favour")
    .requiredOption("--reason <text>", "why; the partner reads it")
    .action(answer);
  const period = program.command("period").description("periods: what is settled as one");
  ofTenant(period.command("abort"))
    .description("give up an empty period, as two recorded acts")
    .argument("<id>", "the period, as `prd_…`")
    .requiredOption("--reason <text>", "why; the partner reads it")
    .action(abort);
  ofTenant(period.command("reterm"))
    .description("settle a closed period by another version, as two recorded acts, where its own cannot")
    .argument("<id>", "the period, as `prd_…`")
    .requiredOption("--configuration <id>", "the version, as `cfg_…`")
    .requiredOption("--reason <text>", "why; the partner reads it")
    .action(reterm);
}

function ofTenant(command: Command): Command {
  return addServerOptions(command)
    .requiredOption("--tenant <id>", "the tenant, tnt_…")
    .option("--json", "print one JSON document");
}

async function approve(ids: string[], { tenant, json, ...server }: TenantOptions): Promise<void> {
  const { PeriodState } = await import("../../periods/entities.js");
  const { approveStatement, releaseStatement } = await import("../../settlement/reviews/service.js");
  const rows = await withApp(server, async (app) => {
    const actor = await shellActorOf(app, tenant);
    const done: { id: string; state: string }[] = [];
    for (const id of ids) {
      const { state } = await approveStatement(app, actor, id);
      const released = state === PeriodState.APPROVED ? await releaseStatement(app, actor, id) : { state };
      done.push({ id, state: released.state });
    }
    return done;
  });
  if (json === true) return printJson(rows);
  for (const { id, state } of rows) console.log(`${id} is ${state}.`);
}

async function answer(id: string, { tenant, json, outcome, amount, reason, ...server }: AnswerOptions): Promise<void> {
  const { DisputeOutcome, DisputeState } = await import("../../settlement/disputes/entities.js");
  const { answerDispute, approveDisputeAnswer } = await import("../../settlement/answers/service.js");
  const { state } = await withApp(server, async (app) => {
    const actor = await shellActorOf(app, tenant);
    const given = { disputeId: id, outcome: DisputeOutcome[outcome], amount: amount ?? null, reason };
    const answered = await answerDispute(app, actor, given);
    if (amount === undefined || answered.state !== DisputeState.PENDING_APPROVAL) return answered;
    return approveDisputeAnswer(app, actor, { disputeId: id, amount });
  });
  if (json === true) return printJson({ id, state });
  console.log(`${id} is ${state}.`);
}

async function abort(id: string, { tenant, json, reason, ...server }: AbortOptions): Promise<void> {
  const { abortPeriod } = await import("../../settlement/aborting/service.js");
  const { state } = await withApp(server, async (app) => {
    return abortPeriod(app, await shellActorOf(app, tenant), { periodId: id, reason });
  });
  if (json === true) return printJson({ id, state });
  console.log(`${id} is ${state}.`);
}

async function reterm(id: string, options: RetermOptions): Promise<void> {
  const { tenant, json, reason, configuration: configurationId, ...server } = options;
  const { retermPeriod } = await import("../../settlement/other-terms/service.js");
  const { state } = await withApp(server, async (app) => {
    return retermPeriod(app, await shellActorOf(app, tenant), { periodId: id, configurationId, reason });
  });
  if (json === true) return printJson({ id, state });
  console.log(`${id} is ${state}.`);
}

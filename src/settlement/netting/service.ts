import { In, LessThanOrEqual } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, systemActor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { newId } from "../../kernel/ids.js";
import { decimalText, scaleOf } from "../../kernel/money.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import { AccountName, EntryKind } from "../../ledger/entities.js";
import { changeBalances, type NewEntry, post } from "../../ledger/service.js";
import type { PartnerKey } from "../../periods/closing/service.js";
import { type HeldCursor, holdCursor } from "../../periods/cursors/service.js";
import type { App } from "../../platform/app.js";
import { type Reader, type Tx, transact } from "../../platform/database.js";
import { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { termsOf } from "../configurations/service.js";
import { Configuration, ConfigurationState } from "../entities.js";
import { dueOf, payableOf, takings } from "../payouts/rules.js";
import { moveSettled, purseOf } from "../purses/service.js";
import { untilKnown } from "../service.js";
import { netDebts, type SetOff } from "../terms/netting.js";
import { StoredSetOff } from "./entities.js";

const WAS_ACTIVATED = [ConfigurationState.ACTIVE, ConfigurationState.SUPERSEDED];

/**
 * Sets off what a partner is owed, or owes, by released statements against opposite debts of the partners it is linked
 * with (domain 12: PAYABLE of one against PAYABLE of the other), currency by currency, partners in the order of codes.
 * Two are linked where the versions in force of both name the other. Running it again finds nothing left to set off.
 */
export async function setOffDebts(app: App, actor: Actor, partner: Partner): Promise<void> {
  for (const linked of await linkedPartners(app, partner)) {
    const pair = [partner, linked].sort((a, b) => a.no - b.no); // everybody takes cursors in this order
    for (const currency of partner.currencies.filter((each) => linked.currencies.includes(each))) {
      const isOpposite = netDebts(await debtsOf(app.database.manager, pair, currency)).length > 0;
      if (isOpposite) await setOffPair(app, actor, pair, currency);
    }
  }
}

/**
 * Sets off what was released and is not: whoever was to do it died, or a link came into force since. One partner for
 * whom that fails holds up no other. Answers for how many it was looked.
 */
export async function sweepSetOffsForAllTenants(app: App): Promise<number> {
  const debtors: PartnerKey[] = await app.database.query(
    `/* all tenants */ select distinct partner.tenant_id as tenantId, partner.tenant_no as tenantNo,
       partner.id as partnerId
     from tenant
     join statement on statement.tenant_no = tenant.no and statement.state = 'PAYABLE' and statement.paid_out_minor < 0
     join partner on partner.tenant_no = statement.tenant_no and partner.no = statement.partner_no
     where exists (select 1 from configuration
       where configuration.tenant_id = partner.tenant_id and configuration.partner_id = partner.id
         and configuration.state in (?) and json_extract(configuration.document, '$.netting') is not null)`,
    [WAS_ACTIVATED],
  );
  for (const { partnerId, ...tenant } of debtors) {
    const actor = systemActor(tenant, newId("req", app.clock));
    try {
      await setOffDebts(app, actor, await partnerOf(app, actor, partnerId));
    } catch (error) {
      app.log.error({ err: error, partner: partnerId }, "settlement: debts were not set off; it is tried again");
    }
  }
  return debtors.length;
}

/** Set-offs of a partner, as creditor or debtor, oldest first. */
export async function setOffsOf(app: App, partner: Partner, request: PageRequest): Promise<Page<StoredSetOff>> {
  const { rows, after } = pageStart(request, "set-offs", POSITION.ID);
  const query = selection(app, partner);
  if (after !== null) query.andWhere("setOff.id > :after", { after });
  const found = await query
    .orderBy("setOff.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ id }) => id);
}

/** How many set-offs a partner has. */
export async function countSetOffs(app: App, partner: Partner): Promise<number> {
  return selection(app, partner).getCount();
}

function selection(app: App, { tenantId, id }: Partner) {
  return app.database.manager
    .createQueryBuilder(StoredSetOff, "setOff")
    .where("setOff.tenantId = :tenantId and (setOff.creditorId = :id or setOff.debtorId = :id)", { tenantId, id });
}

async function linkedPartners(app: App, partner: Partner): Promise<Partner[]> {
  const names = await namedBy(app, partner);
  if (names.length === 0) return [];
  const { tenantId } = partner;
  const named = await app.database.manager.find(Partner, {
    where: { tenantId, code: In([...names]) },
    order: { code: "ASC" },
  });
  const others = named.filter(({ no }) => no !== partner.no);
  const back = await Promise.all(others.map((other) => namedBy(app, other)));
  return others.filter((_, index) => back[index]?.includes(partner.code));
}

/** The codes of the partners that the version in force nets with; one for a later instant is not in force yet. */
async function namedBy(app: App, { tenantId, id: partnerId }: Partner): Promise<readonly string[]> {
  const state = In(WAS_ACTIVATED);
  const [inForce] = await app.database.manager.find(Configuration, {
    select: { id: true, version: true },
    where: { tenantId, partnerId, state, effectiveFrom: LessThanOrEqual(app.clock.now()) },
    order: { version: "DESC" },
    take: 1,
  });
  return inForce === undefined ? [] : ((await termsOf(app, tenantId, inForce.id)).document.netting?.with ?? []);
}

/** Of released statements alone, less what is on its way to the bank, which no set-off may take back. */
async function debtsOf(reader: Reader, partners: readonly Partner[], currency: string) {
  return Promise.all(
    partners.map(async (partner) => {
      const purse = await purseOf(reader, partner, currency);
      return { partnerId: partner.id, purse, payableMinor: payableOf(purse) - dueOf(purse) };
    }),
  );
}

async function setOffPair(app: App, actor: Actor, pair: readonly Partner[], currency: string): Promise<void> {
  const storing = () => transact(app, (tx) => store(app, tx, actor, { pair, currency }));
  await changeBalances(app, pair, () => untilKnown(storing));
}

interface Pair {
  readonly pair: readonly Partner[];
  readonly currency: string;
}

async function store(app: App, tx: Tx, actor: Actor, { pair, currency }: Pair): Promise<void> {
  const cursors: HeldCursor[] = [];
  for (const partner of pair) cursors.push(await holdCursor(tx, partner));
  const debts = await debtsOf(tx, pair, currency);
  const [setOff] = netDebts(debts);
  if (setOff === undefined) return; // somebody else was first
  const { creditorId, debtorId, amountMinor } = setOff;
  const owed = new Map(debts.map(({ partnerId, payableMinor }) => [partnerId, payableMinor]));
  const [id, setOffAt] = [newId("set", app.clock), app.clock.now()];
  const legs = {
    owedToCreditorMinor: present(owed.get(creditorId), "what is owed"),
    owedByDebtorMinor: -present(owed.get(debtorId), "what is owed"),
  };
  await tx.insert(StoredSetOff, {
    ...{ tenantId: actor.tenantId, id, creditorId, debtorId, currency, amountMinor, setOffAt },
    ...legs,
  });
  const { purse } = present(
    debts.find(({ partnerId }) => partnerId === creditorId),
    "the creditor's purse",
  );
  const taken = takings(purse, amountMinor);
  for (const { statementId, amountMinor: takenMinor } of taken) {
    const sql = "update statement set set_off_minor = set_off_minor + ? where tenant_id = ? and id = ?";
    await tx.query(sql, [takenMinor, actor.tenantId, statementId]);
  }
  for (const [index, partner] of pair.entries()) {
    await post(tx, partner, present(cursors[index], "a held cursor"), [entryOf(setOff, partner, currency, setOffAt)]);
  }
  const text = (minor: bigint) => decimalText(minor, scaleOf(currency));
  const after = {
    ...{ creditorId, debtorId, currency, amount: text(amountMinor) },
    ...{ owedToCreditor: text(legs.owedToCreditorMinor), owedByDebtor: text(legs.owedByDebtorMinor) },
  };
  const statements = taken.map((each) => ({ statementId: each.statementId, amount: text(each.amountMinor) }));
  const acts = pair.map((partner) => {
    const own = partner.id === creditorId ? { ...after, statements } : after; // which they are is the creditor's own
    return { type: ActType.DEBTS_SET_OFF, subjectId: id, partner, after: own };
  });
  await recordActs(tx, actor, setOffAt, acts);
  for (const partner of pair) await moveSettled(app, tx, actor, partner, currency);
}

/** One half in each partner's books, against the tenant's own: together PAYABLE of one against PAYABLE of the other. */
function entryOf({ creditorId, amountMinor }: SetOff, { id }: Partner, currency: string, recordedAt: Date): NewEntry {
  const minor = id === creditorId ? amountMinor : -amountMinor;
  const lines = [
    { account: AccountName.PAYABLE, currency, amountMinor: minor },
    { account: AccountName.CLEARING, currency, amountMinor: -minor },
  ];
  return { kind: EntryKind.SET_OFF, periodNo: 0, batchNo: null, statementId: null, recordedAt, lines };
}

import { ActType } from "../../src/acts/entities.js";
import { suspendKey } from "../../src/identity/key-states/service.js";
import { signingKey } from "../../src/identity/keys/service.js";
import { registerKeys } from "../../src/identity/registrations/service.js";
import { present } from "../../src/kernel/assert.js";
import type { App } from "../../src/platform/app.js";
import { proofOf, provenKey } from "../identity/place.js";
import { newKey } from "../identity/signing.js";
import type { Place } from "../settlement/place.js";
import { type SeededClient, seedClient } from "../support/seeds.js";

/** What a mutation is asked. */
export type Input = Readonly<Record<string, unknown>>;

/** A mutation, whoever may send it, what it asks for, and what tells of its one change. */
export interface Repeatable {
  readonly from: SeededClient;
  readonly input: Input;
  /** The same key for something else. */
  readonly other: Input;
  /** The act of the change; where nothing of settlement changes, a condition on simulations. */
  readonly act: ActType | { readonly simulation: string };
  /** What the payload answers with. */
  readonly noun: string;
}

/** Where the mutations are sent, and by whom. */
interface Here {
  readonly place: Place;
  readonly manager: SeededClient;
}

/** The mutations of clients and their keys. */
export function keyMutations(app: App, here: () => Here): Record<string, () => Promise<Repeatable>> {
  return {
    createClient: async () => {
      const { place, manager } = here();
      const key = await newKey();
      const { id: partnerId } = place.partner;
      const proofs = [await proofOf(app, manager.actor, key, { partnerId })];
      const input = {
        partnerId,
        name: "feed",
        scopes: ["batches:submit"],
        jwks: JSON.stringify(key.publicJwk),
        proofs,
      };
      return { from: manager, input, other: { ...input, name: "x" }, act: ActType.CLIENT_CREATED, noun: "client" };
    },
    updateClient: async () => {
      const { place, manager } = here();
      const owner = await seedClient(app, place.shell, place.partner.id);
      const input = { clientId: owner.client.id, dpopBoundAccessTokens: true };
      const other = { ...input, dpopBoundAccessTokens: false };
      return { from: manager, input, other, act: ActType.CLIENT_UPDATED, noun: "client" };
    },
    registerKey: async () => {
      const { place, manager } = here();
      const input = { clientId: place.client.id, ...(await provenKey(app, manager.actor, place.client.id)) };
      const other = { clientId: place.client.id, ...(await provenKey(app, manager.actor, place.client.id)) };
      return { from: manager, input, other, act: ActType.KEY_REGISTERED, noun: "key" };
    },
    rotateKey: async () => {
      const { place, manager } = here();
      const { client, key } = await seedClient(app, place.shell, place.partner.id);
      const keyId = present(await signingKey(app, place.tenant.id, key.kid), "a registered key").id;
      const input = { keyId, overlapSeconds: 60, ...(await provenKey(app, manager.actor, client.id)) };
      return {
        from: manager,
        input,
        other: { ...input, overlapSeconds: 61 },
        act: ActType.KEY_REGISTERED,
        noun: "key",
      };
    },
    approveKey: async () => {
      const { place } = here();
      const [first, second] = [await pendingKey(app, here()), await pendingKey(app, here())];
      const from = await seedClient(app, place.shell, null); // who registered it may not
      return { from, input: { keyId: first }, other: { keyId: second }, act: ActType.KEY_APPROVED, noun: "key" };
    },
    suspendKey: async () =>
      ofNewKey(app, here(), ActType.KEY_SUSPENDED, { asked: { reason: "odd" }, other: { reason: "x" } }),
    resumeKey: async () => {
      const { place } = here();
      const repeatable = await ofNewKey(app, here(), ActType.KEY_RESUMED, {
        asked: { reason: "even" },
        other: { reason: "x" },
      });
      await suspendKey(app, place.shell, { keyId: String(repeatable.input["keyId"]), reason: "odd" });
      return repeatable;
    },
    expireKey: async () => {
      const [asked, other] = [{ expiresAt: "2026-03-30T00:00:00.000Z" }, { expiresAt: "2026-03-20T00:00:00.000Z" }];
      return ofNewKey(app, here(), ActType.KEY_EXPIRY_SET, { asked, other });
    },
    revokeKey: async () =>
      ofNewKey(app, here(), ActType.KEY_REVOKED, { asked: { reason: "lost" }, other: { reason: "sold" } }),
    revokeAllKeys: async () => {
      const { place, manager } = here();
      const input = { clientId: (await seedClient(app, place.shell, place.partner.id)).client.id, reason: "lost" };
      return {
        from: manager,
        input,
        other: { ...input, reason: "sold" },
        act: ActType.KEY_REVOKED,
        noun: "revocation",
      };
    },
  };
}

/** A key that the manager registered. */
async function pendingKey(app: App, { place, manager }: Here): Promise<string> {
  const { id: clientId } = place.client;
  const proven = await provenKey(app, manager.actor, clientId);
  const [key] = await registerKeys(app, manager.actor, { clientId, ...proven });
  return present(key, "a registered key").id;
}

/** Something that the manager does with a key that is new and in use. */
async function ofNewKey(
  app: App,
  { place, manager }: Here,
  act: ActType,
  { asked, other }: { readonly asked: Input; readonly other: Input },
): Promise<Repeatable> {
  const { key } = await seedClient(app, place.shell, place.partner.id);
  const keyId = present(await signingKey(app, place.tenant.id, key.kid), "a registered key").id;
  return { from: manager, input: { keyId, ...asked }, other: { keyId, ...other }, act, noun: "key" };
}

import { ActType } from "../../src/acts/entities.js";
import { approveCollection, recordCollection } from "../../src/settlement/collections/service.js";
import type { Place } from "../settlement/place.js";
import type { TestApp } from "../support/app.js";
import type { SeededClient } from "../support/seeds.js";
import type { Repeatable } from "./key-mutations.js";

const PAYMENT = { currency: "USD", amount: "1.00", bankReference: "one", valueOn: "2026-03-09" };

/** Every mutation of collections, to be sent again; `now` answers whom it is about. */
export function collectionMutations(
  app: TestApp,
  now: () => { readonly place: Place; readonly manager: SeededClient },
): Record<string, () => Promise<Repeatable>> {
  /** A payment of the partner's that was recorded at the shell. */
  async function recorded(bankReference = "one"): Promise<string> {
    const { partner, shell } = now().place;
    return (await recordCollection(app, shell, { ...PAYMENT, bankReference, partnerId: partner.id })).id;
  }
  return {
    recordCollection: async () => {
      const input = { ...PAYMENT, partnerId: now().place.partner.id };
      const other = { ...input, amount: "2.00" };
      return { from: now().manager, input, other, act: ActType.COLLECTION_RECORDED, noun: "collection" };
    },
    approveCollection: async () => {
      const [collectionId, another] = [await recorded("one"), await recorded("two")];
      const [input, other] = [{ collectionId }, { collectionId: another }];
      return { from: now().manager, input, other, act: ActType.COLLECTION_APPROVED, noun: "collection" };
    },
    refuseCollection: async () => {
      const input = { collectionId: await recorded(), reason: "unknown" };
      const other = { ...input, reason: "wrong" };
      return { from: now().manager, input, other, act: ActType.COLLECTION_REFUSED, noun: "collection" };
    },
    markCollectionReturned: async () => {
      const input = { collectionId: await recorded(), reason: "AC04" };
      await approveCollection(app, now().place.shell, input.collectionId);
      const other = { ...input, amount: "0.50" };
      return { from: now().manager, input, other, act: ActType.COLLECTION_RETURNED, noun: "collection" };
    },
  };
}

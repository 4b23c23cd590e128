import { Grain } from "../periods/grains/entities.js";
import type { ConfigurationDocument as Document } from "./document.js";
import { CarryPolicy } from "./terms/contract.js";
import { RateType } from "./terms/fx.js";

/** Whether any term looks at brands, products, their categories or groups. */
export function needsPlaces({ overrides = [], carryOver, rules }: Document): boolean {
  const isNarrowed = overrides.some(({ for: { brand, category, product, group } }) => {
    return brand ?? category ?? product ?? group;
  });
  const isCarried = carryOver.policy !== CarryPolicy.NONE && ["BRAND", "GAME"].includes(carryOver.scope ?? "");
  return isNarrowed || rules?.each !== undefined || isCarried;
}

/** By what the terms tell the totals of a period apart besides: players for the ring-fence, days for daily rates. */
export function grainsOf(document: Document): readonly Grain[] {
  const grains = [
    ...(document.carryOver.ringFence === undefined ? [] : [Grain.PLAYER]),
    ...(document.fx?.type === RateType.TRANSACTION ? [Grain.DAY] : []),
  ];
  return grains.length > 0 && needsPlaces(document) ? [...grains, Grain.PLACE] : grains;
}

import { z } from "zod";
import type { App } from "../../platform/app.js";
import { seal, unseal } from "../../platform/seal.js";

const PURPOSE = "device";
/** For so long a browser is known where a person signed in; each sign-in begins anew. */
export const DEVICE_SECONDS = 90 * 86_400;

const Device = z.object({ tenantId: z.string(), userId: z.string(), untilMs: z.number() });

/** A person of a tenant. */
export interface DeviceOwner {
  readonly tenantId: string;
  readonly userId: string;
}

/**
 * What a browser keeps to show that a person has signed in there, so that a flood of strangers does not take that
 * person's place in the queue of passwords. It proves nothing else and lets nobody in.
 */
export function sealedDevice(app: App, { tenantId, userId }: DeviceOwner): string {
  const device = { tenantId, userId, untilMs: app.clock.now().getTime() + DEVICE_SECONDS * 1_000 };
  return seal(app.config.masterKey, Buffer.from(JSON.stringify(device)), PURPOSE).toString("base64url");
}

/** Whether that person has signed in at a browser that shows this. */
export function isDeviceOf(app: App, sealed: string | null, { tenantId, userId }: DeviceOwner): boolean {
  const device = sealed === null ? null : opened(app, sealed);
  const isCurrent = device !== null && app.clock.now().getTime() < device.untilMs;
  return isCurrent && device.tenantId === tenantId && device.userId === userId;
}

function opened(app: App, sealed: string): z.infer<typeof Device> | null {
  try {
    const text = unseal(app.config.masterKey, Buffer.from(sealed, "base64url"), PURPOSE).toString("utf8");
    return Device.parse(JSON.parse(text));
  } catch {
    return null; // not ours, or of another master key: a stranger
  }
}

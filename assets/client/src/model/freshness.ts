// How old what is shown may be: fresh, faded with its age said, hidden. Pure.

import type { Shown } from "./overlay";
import type { Pose } from "../wire/binary";
import type { Registration, Scene, TrackedNode } from "../wire/messages";

/** No frame for this long: the server cannot be heard, and the page says so. */
export const SILENT_AFTER_S = 0.4;
/** No frame for this long: what stands still is shown faded; over a patient it then hides. */
export const STALE_AFTER_S = 2;
export const HIDDEN_AFTER_S = 6;

export type Freshness = "fresh" | "faded" | "hidden";
/** As the law of the overlay names them. */
export const AS_SHOWN: Readonly<Record<Freshness, Shown>> = { fresh: "verified", faded: "stale", hidden: "hidden" };
export const AS_FRESH: Readonly<Record<Shown, Freshness>> = { verified: "fresh", ageing: "fresh", stale: "faded", hidden: "hidden" };

/** How a thing that moves is shown: its pose's age, and whether it is where it says. */
export function toolFreshness(node: TrackedNode, pose: Pose, age_s: number, scene: Scene): Freshness {
  if (age_s * 1000 > node.hides_after_ms || !isPlaced(pose, scene)) return "hidden";
  return pose.isTracked && age_s * 1000 <= node.fades_after_ms ? "fresh" : "faded";
}

/** Whether the pose can be shown on the patient under the registration in force. */
export function isPlaced(pose: Pose, scene: Scene): boolean {
  return pose.frame === "world" ? scene.registration?.verified === true : pose.epoch === (scene.registration_epoch & 0xffff);
}

/** How what stands still is shown when the server has not been heard for `silence_s`. */
export function sceneFreshness(silence_s: number, overPatient: boolean): Freshness {
  if (overPatient && silence_s > HIDDEN_AFTER_S) return "hidden";
  return silence_s > STALE_AFTER_S ? "faded" : "fresh";
}

/** What a registration is worth, in words; null while there is none. */
export function registrationText(registration: Registration | null): string | null {
  if (registration === null) return null;
  return registration.verified ? `Registered (${registration.method})` : "Registration not verified: touch landmarks to check it";
}

// How much what is drawn may be believed: verified, ageing, stale, hidden. The twin of `engine/core/overlay.py`; both are
// held to `tests/core/overlay_cases.json`. Pure.

import type { Why } from "../wire/binary";

/** How an item is shown; a later one is worse. */
export const SHOWN = ["verified", "ageing", "stale", "hidden"] as const;
export type Shown = (typeof SHOWN)[number];

/** Never by colour alone: a word, a line pattern, and what share of its opacity is kept. */
export interface Look {
  readonly word: string;
  readonly pattern: "plain" | "dashes" | "dots" | "none";
  readonly opacity: number;
  readonly hasNumber: boolean;
}

export const LOOKS: Readonly<Record<Shown, Look>> = {
  verified: { word: "", pattern: "plain", opacity: 1, hasNumber: true },
  ageing: { word: "ageing", pattern: "dashes", opacity: 0.7, hasNumber: true },
  stale: { word: "stale", pattern: "dots", opacity: 0.35, hasNumber: false },
  hidden: { word: "hidden", pattern: "none", opacity: 0, hasNumber: false },
};

/** When an item is no longer what it was: by its age, and by how far it may have moved in that time. */
interface Limits {
  readonly ageing: readonly [age_s: number, moved_mm: number];
  readonly stale: readonly [age_s: number, moved_mm: number];
  readonly hidden: readonly [age_s: number, moved_mm: number];
}

/** A tool in a hand. 50 mm/s for 150 ms are 7.5 mm: age alone is not enough. */
export const TOOL: Limits = { ageing: [0.05, 1], stale: [0.15, 5], hidden: [1, 50] };
/** What stands on the patient, by the age of the newest word about the reference. */
export const ON_PATIENT: Limits = { ageing: [0.12, Infinity], stale: [0.15, Infinity], hidden: [0.15, Infinity] };
/** The same where nothing can be taken for the patient's own place. */
export const BESIDE_PATIENT: Limits = { ageing: [0.4, Infinity], stale: [2, Infinity], hidden: [Infinity, Infinity] };

/** What a reason does to an item that depends on the patient's place: over the patient, and beside. */
const BY_REASON: Partial<Record<Why, readonly [over: Shown, beside: Shown]>> = {
  "the reference on the patient is not tracked": ["hidden", "stale"],
  "the patient is not registered": ["hidden", "verified"],
  "the registration was not checked on the patient": ["hidden", "stale"],
  "the registration must be checked again": ["ageing", "ageing"],
  "the structure belongs to another scan": ["hidden", "hidden"],
  "the device is silent": ["hidden", "stale"],
  "the last place is too old": ["hidden", "stale"],
  "the device's clock cannot be trusted": ["hidden", "stale"],
  "the device reports a fault": ["hidden", "stale"],
  "the device sends what cannot be": ["hidden", "stale"],
  "the tool is not tracked": ["hidden", "stale"],
};
const OTHER_REASONS: readonly [Shown, Shown] = ["hidden", "stale"];

/** What is known of an item now. */
export interface Standing {
  /** Of its newest place, or of the newest word about what it stands on; infinite where there was none. */
  readonly age_s: number;
  readonly speed_mm_s: number;
  /** Why its place is not known; null where it is. */
  readonly why: Why | null;
  /** Whether the patient is seen through it. */
  readonly overPatient: boolean;
}

/** How an item is shown, and the reason; null where it is verified. */
export interface Overlay {
  readonly shown: Shown;
  readonly why: Why | null;
}

export const VERIFIED: Overlay = { shown: "verified", why: null };

export const badness = (shown: Shown): number => SHOWN.indexOf(shown);
export const worse = (a: Shown, b: Shown): Shown => (badness(a) >= badness(b) ? a : b);
export const lookOf = ({ shown }: Overlay): Look => LOOKS[shown];

/** Of what stands on the patient: surfaces, margins, plans. `age_s` is that of the newest reading. */
export function anatomy({ age_s, speed_mm_s, why, overPatient }: Standing): Overlay {
  const aged = agedShown(age_s, speed_mm_s, overPatient ? ON_PATIENT : BESIDE_PATIENT);
  if (why === null) return { shown: aged, why: aged === "verified" ? null : "the device is silent" };
  const byReason = (BY_REASON[why] ?? OTHER_REASONS)[overPatient ? 0 : 1];
  return { shown: worse(aged, byReason), why: badness(byReason) >= badness(aged) ? why : "the device is silent" };
}

/** Of a tracked tool and of every number that is measured from it. One that is not known has no number, ever. */
export function tool({ age_s, speed_mm_s, why, overPatient }: Standing): Overlay {
  const aged = agedShown(age_s, speed_mm_s, TOOL);
  if (why === null) return { shown: aged, why: aged === "verified" ? null : "the last place is too old" };
  return { shown: worse(aged, overPatient ? "hidden" : "stale"), why };
}

function agedShown(age_s: number, speed_mm_s: number, limits: Limits): Shown {
  const moved_mm = speed_mm_s === 0 ? 0 : age_s * speed_mm_s;
  const passed = (["hidden", "stale", "ageing"] as const).find((shown) => age_s > limits[shown][0] || moved_mm > limits[shown][1]);
  return passed ?? "verified";
}

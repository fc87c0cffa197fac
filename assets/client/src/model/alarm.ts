// How an alert sounds and is ordered: pulses and bursts after IEC 60601-1-8, from what the message says. Pure.

import { DASH } from "./figure";
import type { State } from "./state";
import type { Alert, PriorityName } from "../wire/messages";

/** Effective pulse length and the gap after it, by priority (IEC 60601-1-8 table 3). */
const PULSE: Readonly<Record<PriorityName, { readonly length_s: number; readonly gap_s: number }>> = {
  high: { length_s: 0.1, gap_s: 0.06 },
  medium: { length_s: 0.18, gap_s: 0.18 },
  low: { length_s: 0.18, gap_s: 0.18 },
};
/** Ten pulses are two fives, and a five is three and two: 3 – 2 –– 3 – 2. */
const AFTER_THIRD_S = 0.16;
const AFTER_FIFTH_S = 0.36;
/** Fundamental of the tone, and its harmonics at least four (IEC 60601-1-8 6.3.3.1). */
export const TONE: Readonly<Record<PriorityName, number>> = { high: 660, medium: 520, low: 440 };
export const HARMONICS = [1, 2, 3, 4, 5] as const;

export interface Pulse {
  readonly at_s: number;
  readonly length_s: number;
}

/** When the pulses of one burst begin, from its start. */
export function burst({ priority, pulses }: Pick<Alert, "priority" | "pulses">): Pulse[] {
  const { length_s, gap_s } = PULSE[priority];
  let at_s = 0;
  return Array.from({ length: pulses }, (_, n) => {
    const pulse = { at_s, length_s };
    const grouped = priority === "high" && pulses === 10;
    at_s += length_s + (grouped && n % 5 === 2 ? AFTER_THIRD_S : grouped && n === 4 ? AFTER_FIFTH_S : gap_s);
    return pulse;
  });
}

const RANK: Readonly<Record<PriorityName, number>> = { high: 0, medium: 1, low: 2 };

/** The most urgent first; of the same urgency the older first. */
export function byUrgency(alerts: readonly Alert[]): Alert[] {
  return [...alerts].sort((a, b) => RANK[a.priority] - RANK[b.priority] || a.since_s - b.since_s);
}

/** What is heard: the most urgent that sounds. */
export function heard(alerts: readonly Alert[]): Alert | null {
  return byUrgency(alerts).find((alert) => alert.sounds && alert.pulses > 0) ?? null;
}

export const PRIORITY_WORDS: Readonly<Record<PriorityName, string>> = { high: "Alarm", medium: "Warning", low: "Notice" };

const FIGURE = /[-−]?\d+(\.\d+)? ± \d+(\.\d+)? mm/g;

/** The words of an alert; without its figures where the tool is not known any more, for they are of before. */
export function shownText(text: string, isTold: boolean): string {
  return isTold ? text : text.replaceAll(FIGURE, `${DASH} mm`);
}

/** What is said of the session, and of the line to it. */
export function shownAlerts({ scene, linkAlert }: State): readonly Alert[] {
  return [...(linkAlert ? [linkAlert] : []), ...(scene?.alerts ?? [])];
}

/** Priorities of not knowing, by the worst level that was last known (guidance.alerts.level). */
const UNKNOWN_PRIORITY: readonly PriorityName[] = ["low", "medium", "high", "high"];
const LOOKS: Readonly<Record<PriorityName, Pick<Alert, "shape" | "colour" | "flashes_hz" | "pulses" | "between_s">>> = {
  high: { shape: "octagon", colour: "red", flashes_hz: 2, pulses: 10, between_s: 2.5 },
  medium: { shape: "triangle", colour: "yellow", flashes_hz: 0.6, pulses: 3, between_s: 7.5 },
  low: { shape: "circle", colour: "cyan", flashes_hz: 0, pulses: 1, between_s: 30 },
};

/** A server that is not heard cannot warn: the page does, as urgently as the tool was last near. */
export function linkAlertOf(lastLevel: number, since_s: number): Alert {
  const priority = UNKNOWN_PRIORITY[Math.min(3, Math.max(0, lastLevel))]!;
  return { id: "link", priority, text: "Not connected: distances are unknown", ...LOOKS[priority], sounds: true, may_be_quiet: false, since_s };
}

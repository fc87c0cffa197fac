// How a guidance session stands, in words: accuracy, checks, devices. Pure.

import { justified } from "./number_text";
import { duration } from "./overlay_log";
import type { Accuracy, DeviceState, Guidance, GuidanceStep, GuidedLandmark } from "../wire/messages";

export const STEPS: readonly (readonly [step: GuidanceStep, word: string])[] = [
  ["connect", "Connect"],
  ["calibrate", "Calibrate"],
  ["register", "Register"],
  ["verify", "Verify"],
  ["guide", "Guide"],
];

export const DEVICE_WORDS: Readonly<Record<DeviceState, string>> = {
  connecting: "Connecting",
  live: "Live",
  silent: "Silent",
  faulty: "Fault",
  ended: "Ended",
};

/** A step before the one under way is done, one after it waits. */
export function stepState(guidance: Guidance, step: GuidanceStep): "done" | "now" | "waiting" {
  const place = (each: GuidanceStep): number => STEPS.findIndex(([name]) => name === each);
  const [now, asked] = [place(guidance.step), place(step)];
  return asked < now ? "done" : asked === now ? "now" : "waiting";
}

/** Whether a step is under way, or was. */
export const hasCome = (guidance: Guidance, step: GuidanceStep): boolean => stepState(guidance, step) !== "waiting";

/** Rounded up to a tenth, so that it never promises more than is known. */
export const upToTenth = (mm: number): string => (Math.ceil(mm * 10 - 1e-4) / 10).toFixed(1);

/** "±1.4 mm at Tumour (95 %)"; null before a registration. */
export function accuracyText(accuracy: Accuracy | null): string | null {
  const [first] = accuracy?.expected ?? [];
  return first ? `±${upToTenth(first.error_mm)} mm at ${first.name} (95 %)` : null;
}

/** What check points measured, and how long ago. */
export function checkedText({ measured_mm, checked_s }: Accuracy, now_s: number | null): string {
  if (measured_mm === null) return "Not checked on the patient yet";
  const ago = checked_s === null || now_s === null ? "" : `, ${duration(Math.max(0, now_s - checked_s))} ago`;
  return `Check points measured ${upToTenth(measured_mm)} mm${ago}`;
}

export function dueText({ due_s }: Accuracy, now_s: number | null): string {
  if (due_s === null || now_s === null) return "";
  const left_s = due_s - now_s;
  return left_s > 0 ? `Check again within ${duration(left_s)}` : "Check now: touch a check point";
}

/** Accuracy that is lost without a sign: told only where it is more than chance. */
export function trendText({ grows, growth_mm_h }: Accuracy): string {
  return grows && growth_mm_h !== null ? `Silent loss: the measured error grows by ${justified(growth_mm_h, Math.abs(growth_mm_h) / 5 || 1, "mm")} an hour. Check, and register anew.` : "";
}

/** Of check points alone: what is left over where one registered says nothing of accuracy. */
export function landmarkText({ use, state, off_mm, expected_mm, words }: GuidedLandmark): string {
  if (words) return words;
  if (use === "check" && off_mm !== null) return `off ${upToTenth(off_mm)} mm${expected_mm === null ? "" : `, expected up to ${upToTenth(expected_mm)} mm`}`;
  return state;
}

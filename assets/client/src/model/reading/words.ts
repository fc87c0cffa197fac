// Words of the reading room.

import type { Given } from "./work";
import { paintedVoxels, voxel_ml } from "./painting";
import { withError } from "../number_text";
import type { VolumeNode } from "../../wire/messages";
import type { AbilityTold, FindingTold, MarkTold, OptionView, Scale, TaskTold, TaskView } from "../../wire/training_messages";

export const SCALES: Record<Scale, { readonly name: string; readonly says: string }> = {
  detection: { name: "Detection", says: "seeing that something is there" },
  characterisation: { name: "Characterisation", says: "describing and measuring it" },
  diagnosis: { name: "Diagnosis", says: "saying what it is" },
  management: { name: "Management", says: "deciding what to do" },
};

/** How sure, in the words that reader studies print beside a slider. */
export function sureness(confidence: number): string {
  if (confidence < 0.2) return "probably not";
  if (confidence < 0.4) return "doubtful";
  if (confidence < 0.6) return "undecided";
  if (confidence < 0.8) return "probable";
  return confidence < 0.95 ? "very probable" : "certain";
}

export const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** "12:05" or "1:02:05". */
export function clock(time_s: number): string {
  const whole = Math.floor(time_s);
  const two = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

export const QUANTITIES: Record<NonNullable<TaskView["quantity"]>, { readonly unit: string; readonly how: string }> = {
  diameter_mm: { unit: "mm", how: "Lay the ruler along the largest diameter." },
  volume_ml: { unit: "ml", how: "Lay three rulers across it for an ellipsoid, or type the volume." },
  mean_value: { unit: "", how: "Draw a circle within it: from its middle outwards." },
};

/** A task's answer so far, in a few words; null while there is none. */
export function answerWords(task: TaskView, given: Given | null, node: VolumeNode | null): string | null {
  const answer = given?.answer;
  if (!answer) return null;
  const text = (id: string, options: readonly OptionView[] = task.options): string => options.find((option) => option.id === id)?.text ?? id;
  switch (answer.kind) {
    case "segment": {
      const count = paintedVoxels(answer.runs);
      return count === 0 ? null : node ? `${(count * voxel_ml(node)).toPrecision(2)} ml painted` : `${count} voxels painted`;
    }
    case "box":
      return node ? `${[0, 1, 2].map((axis) => ((answer.high[axis]! - answer.low[axis]! + 1) * node.spacing_mm[axis]!).toFixed(0)).join(" × ")} mm` : "a box";
    case "measure": {
      if (task.quantity === "diameter_mm") return withError(answer.value, node ? Math.min(...node.spacing_mm) : 0.5, "mm");
      return task.quantity === "volume_ml" ? `${answer.value.toPrecision(2)} ml` : `${Math.round(answer.value)} ${node?.quantity ?? ""}`;
    }
    case "classify":
      return text(answer.category);
    case "report":
      return `${Object.keys(answer.fields).length} of ${task.fields.length} lines`;
    case "choice":
      return answer.chosen.length === 0 ? null : answer.chosen.map((id) => text(id)).join(", ");
    case "order":
      return answer.items.map((id) => text(id)).join(" → ");
    case "text":
      return answer.text.trim() === "" ? null : `${answer.text.trim().split(/\s+/).length} words`;
    case "manage":
      return text(answer.chosen);
    case "guide":
      return answer.nearest !== null ? text(answer.nearest) : answer.path.length === 2 ? "Entry and target set" : `${answer.path.length} of 2 points`;
  }
}

/** What the commit button says: what would be committed. */
export function commitWords(task: TaskView, marks: number, words: string | null): string {
  if (task.kind === "order") return "Commit this order";
  if (task.kind === "mark") return marks === 0 ? "Commit: nothing is there" : marks === 1 ? "Commit 1 mark" : `Commit ${marks} marks`;
  return words === null ? "Commit without an answer" : "Commit answer";
}

/** By what looking is known. Without eye tracking it is called viewed, not seen. */
const BY: Record<NonNullable<FindingTold["by"]>, string> = { eyes: "Your eyes rested", head: "Your head pointed", pointer: "Your pointer was" };

/** For how long a missed finding was viewed; null where it was not, or that is not known. Why it was missed the server says. */
export function missWords({ miss, by, seconds_viewed }: FindingTold): string | null {
  if (miss === null || by === null || seconds_viewed === null || seconds_viewed <= 0) return null;
  return `${BY[by]} near it for ${seconds_viewed.toFixed(seconds_viewed < 10 ? 1 : 0)} s.`;
}

export function markWords(mark: MarkTold): string {
  if (mark.became === "found") return mark.off_mm === null ? "On it" : `${mark.off_mm.toFixed(0)} mm from its middle`;
  return mark.became === "duplicate" ? "The same finding again: it counts once" : (mark.why ?? "Nothing lies there.");
}

/** Confidence against outcome, in one sentence. */
export function calibrationWords(points: readonly { readonly confidence: number; readonly right: number }[]): string | null {
  if (points.length === 0) return null;
  const mean = (pick: (point: { confidence: number; right: number }) => number): number => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const gap = mean(({ confidence }) => confidence) - mean(({ right }) => right);
  const few = points.length < 5 ? " From one case this says little." : "";
  if (Math.abs(gap) < 0.15) return `You were about as sure as you were right.${few}`;
  return `${gap > 0 ? "You were surer than you were right" : "You were right more often than you were sure"}.${few}`;
}

/** What was said with how much confidence, and how right it was. */
export function calibrationPoints(marks: readonly MarkTold[], tasks: readonly TaskTold[]): { readonly confidence: number; readonly right: number; readonly of: string }[] {
  const placed = marks.filter(({ became }) => became !== "duplicate").map((mark, index) => ({ confidence: mark.confidence, right: mark.became === "found" ? 1 : 0, of: `Mark ${index + 1}` }));
  const answered = tasks.flatMap((task) => (task.confidence === null ? [] : [{ confidence: task.confidence, right: task.share, of: task.prompt }]));
  return [...placed, ...answered];
}

/** An ability on its own scale: average learners are at 0, two in three lie within 1. */
export const abilityText = ({ mean, low, high }: Pick<AbilityTold, "mean" | "low" | "high">): string => `${signed(mean)} (95 %: ${signed(low)} to ${signed(high)})`;

export const signed = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;

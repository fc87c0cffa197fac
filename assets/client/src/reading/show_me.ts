// Show-me: runs through the slices on which a finding is seen, and rests on the one that shows it best.

import type { ReadingDesk } from "./desk";
import { apply, type Vec3 } from "../model/affine";
import { nodeOf, volumeOfTask } from "../model/reading/state";

const FRAME_MS = 90;
const MOST_FRAMES = 24;

/** Shows a finding, or a mark, of the feedback. */
export function showFinding(desk: ReadingDesk, id: string): void {
  const state = desk.store.get();
  const mark = state.told?.marks.find((each) => each.id === id);
  const finding = state.told?.findings.find((each) => each.id === id);
  desk.set({ shown: id });
  if (finding === undefined) {
    const task = state.reading?.case.tasks.find((each) => each.id === mark?.task);
    const volume = task && volumeOfTask(state, task);
    if (mark && volume) desk.goTo(volume, mark.at_mm);
    return;
  }
  const node = nodeOf(state, finding.volume);
  if (node === null) return;
  const [middle, first, last] = finding.slices;
  const origin = apply(node.patient_from_voxel, [0, 0, 0]);
  const along = apply(node.patient_from_voxel, [0, 0, 1]).map((value, axis) => value - origin[axis]!) as unknown as Vec3;
  const at = (k: number): Vec3 => finding.at_mm.map((value, axis) => value + (k - middle) * along[axis]!) as unknown as Vec3;
  const steps = Math.max(1, Math.ceil((last - first) / MOST_FRAMES));
  const isStill = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const frames = [...(isStill ? [] : Array.from({ length: Math.floor((last - first) / steps) + 1 }, (_, index) => first + index * steps)), middle];
  const next = (): void => {
    const k = frames.shift();
    if (k === undefined || desk.store.get().shown !== id) return;
    desk.goTo(finding.volume, at(k));
    if (frames.length > 0) window.setTimeout(next, FRAME_MS);
  };
  next();
}

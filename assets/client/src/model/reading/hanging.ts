// How a case is hung: panes by the case's own wish, or by what suits its studies.

import { AXES, plus, settled, span_mm, upwards, type Cut } from "./cut";
import { centre_mm, windowOf } from "../scene";
import type { Plane, Window } from "../state";
import type { VolumeNode } from "../../wire/messages";
import type { CaseView, Pane, VolumeView, WindowPreset } from "../../wire/training_messages";

export type Layout = "hung" | "planes" | "compare" | "one";

export const LAYOUTS: Record<Layout, string> = { hung: "As hung", planes: "Three planes", compare: "Current and prior", one: "One pane" };

/** Most panes that are shown at once. */
export const MOST_PANES = 6;

const pane = (volume: string, plane: Plane): Pane => ({ volume, plane, preset: null, slab_mm: 0, at: 0.5 });

export const currentOf = (view: CaseView): VolumeView | undefined => view.volumes.find(({ role }) => role === "current") ?? view.volumes[0];
const besides = (view: CaseView): VolumeView | undefined => {
  const others = view.volumes.filter((volume) => volume !== currentOf(view));
  return others.find(({ role }) => role === "follow-up") ?? others[0];
};

/** Layouts that the case can be hung in. */
export function layoutsOf(view: CaseView): readonly Layout[] {
  return besides(view) ? ["hung", "planes", "compare", "one"] : ["hung", "planes", "one"];
}

export function panesOf(view: CaseView, layout: Layout): readonly Pane[] {
  const current = currentOf(view);
  if (current === undefined) return [];
  const other = besides(view);
  const planes = [pane(current.id, "axial"), pane(current.id, "coronal"), pane(current.id, "sagittal")];
  const compare = other ? [pane(current.id, "axial"), pane(other.id, "axial")] : planes;
  const wished = view.display.hanging.filter(({ volume }) => view.volumes.some(({ id }) => id === volume)).slice(0, MOST_PANES);
  const isNew = other !== undefined && !wished.some(({ volume }) => volume === other.id);
  const hung = wished.length === 0 ? (other ? compare : planes) : isNew ? [...wished, pane(other.id, wished[0]!.plane)] : wished;
  return { hung, planes, compare, one: [planes[0]!] }[layout];
}

/** Windows to choose from: the case's own, else what suits the modality. */
export function presetsOf(view: CaseView, node: VolumeNode): readonly WindowPreset[] {
  return view.display.presets.length > 0 ? view.display.presets : node.presets;
}

export function firstWindow(view: CaseView, node: VolumeNode, preset: string | null): Window {
  const presets = presetsOf(view, node);
  const chosen = presets.find(({ name }) => name === preset) ?? presets[0];
  return chosen ? windowOf(chosen) : { preset: null, low: node.value_range[0], high: node.value_range[1] };
}

/** The cut that a pane begins with. */
export function firstCut(view: CaseView, node: VolumeNode, wish: Pane): Cut {
  const middle = centre_mm(node);
  const start: Cut = { volume: wish.volume, plane: wish.plane, ...AXES[wish.plane], at_mm: middle, focus_mm: middle, zoom: 1, window: firstWindow(view, node, wish.preset), slab_mm: wish.slab_mm };
  const up = upwards(start);
  const [low, high] = span_mm(node, up);
  return { ...start, at_mm: settled(node, start, plus(middle, up, (wish.at - 0.5) * (high - low))) };
}

/** Whether two studies lie in the same frame, so that a place of one is that place of the other. */
export const sharesFrame = (a: VolumeNode, b: VolumeNode): boolean => a.frame_of_reference_uid === b.frame_of_reference_uid;

/** Where a pane hangs: its cells of the wall's grid, counted from 0. It spans as many down as across. */
export interface Place {
  readonly column: number;
  readonly row: number;
  readonly span: number;
}

export interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly places: readonly Place[];
}

/** One large and the others stacked beside it where that leaves no cell empty; else all alike. */
export function gridOf(count: number): Grid {
  const beside = count - 1;
  if (count === 3 || count === 5) {
    const columns = 2 + beside / 2;
    const stacked = Array.from({ length: beside }, (_, index): Place => ({ column: 2 + (index % (columns - 2)), row: Math.floor(index / (columns - 2)), span: 1 }));
    return { columns, rows: 2, places: [{ column: 0, row: 0, span: 2 }, ...stacked] };
  }
  const columns = count <= 2 ? Math.max(1, count) : Math.ceil(count / 2);
  const places = Array.from({ length: count }, (_, index): Place => ({ column: index % columns, row: Math.floor(index / columns), span: 1 }));
  return { columns, rows: Math.max(1, Math.ceil(count / columns)), places };
}


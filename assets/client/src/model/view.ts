// What a person does to the view: window, slice position, panes, measuring. Pure changes of the state.

import { apply, distance, inverse, type Vec3 } from "./affine";
import { volumeOf, windowOf } from "./scene";
import type { Measurement, Pane, Selection, State, Tool, View, Window } from "./state";
import type { VolumeNode } from "../wire/messages";

function view(state: State, part: Partial<View>): State {
  return { ...state, view: { ...state.view, ...part } };
}

export function select(state: State, selection: Selection): State {
  return { ...state, selection };
}

/** The volume's preset of that name; unknown names change nothing. */
export function applyPreset(state: State, name: string): State {
  const preset = volumeOf(state.scene)?.presets.find((each) => each.name === name);
  return preset ? view(state, { window: windowOf(preset) }) : state;
}

/** A window set by hand; at least one unit (or a thousandth of the range) wide. */
export function setWindow(state: State, low: number, high: number): State {
  const volume = volumeOf(state.scene);
  const range = volume ? volume.value_range[1] - volume.value_range[0] : 1;
  const least = volume?.quantity === "HU" ? 1 : range / 1000;
  const centre = (low + high) / 2;
  const half = Math.max(high - low, least) / 2;
  const window: Window = { preset: null, low: centre - half, high: centre + half };
  return view(state, { window });
}

/** Level and width as radiology speaks of a window. */
export function levelWidth(window: Window): { level: number; width: number } {
  return { level: (window.low + window.high) / 2, width: window.high - window.low };
}

/** Moves the linked cursor, kept inside the volume. A hand that points there takes it from the tool. */
export function setCursor(state: State, at_mm: Vec3): State {
  const volume = volumeOf(state.scene);
  if (volume === undefined) return state;
  const voxel = apply(inverse(volume.patient_from_voxel), at_mm);
  const inside = voxel.map((v, axis) => Math.min(volume.shape[axis]! - 1, Math.max(0, v))) as unknown as Vec3;
  return view(state, { cursor_mm: apply(volume.patient_from_voxel, inside), followsTip: false });
}

/** The cursor goes where the tip is, for as long as nobody puts it elsewhere. */
export function followTip(state: State, tip_mm: Vec3): State {
  return state.view.followsTip ? view(setCursor(state, tip_mm), { followsTip: true }) : state;
}

export function setFollowsTip(state: State, followsTip: boolean): State {
  return view(state, { followsTip });
}

export function fillPane(state: State, pane: Pane | null): State {
  return view(state, { filled: state.view.filled === pane ? null : pane });
}

export function setTool(state: State, tool: Tool): State {
  return { ...view(state, { tool, pending_mm: null }), rubber_mm: null };
}

/** Takes a tool, or lays it down where it is in hand. */
export function toggleTool(state: State, tool: Tool): State {
  return setTool(state, state.view.tool === tool ? "navigate" : tool);
}

export function setSlicesIn3d(state: State, slicesIn3d: boolean): State {
  return view(state, { slicesIn3d });
}

export function setLabelsOnSlices(state: State, labelsOnSlices: boolean): State {
  return view(state, { labelsOnSlices });
}

/** Standard uncertainty of a point placed on voxels: uniform within one voxel along each axis. */
export function voxelError_mm(volume: VolumeNode | undefined): number {
  if (volume === undefined) return 0;
  return Math.hypot(...volume.spacing_mm) / Math.sqrt(12);
}

/** First or second end of a measurement. The second makes the measurement and selects it. */
export function placePoint(state: State, at_mm: Vec3, error_mm: number, where: Measurement["where"]): State {
  const first = state.view.pending_mm;
  if (first === null) return view(state, { pending_mm: { at: at_mm, error_mm } });
  return addMeasurement({ ...view(state, { pending_mm: null }), rubber_mm: null }, {
    from_mm: first.at,
    to_mm: at_mm,
    error_mm: Math.hypot(first.error_mm, error_mm),
    where,
  });
}

/** Adds a finished measurement under the next free number and selects it. */
export function addMeasurement(state: State, measurement: Omit<Measurement, "id">): State {
  const last = Math.max(0, ...state.measurements.map((each) => Number(each.id)));
  const id = String(last + 1);
  return {
    ...state,
    measurements: [...state.measurements, { ...measurement, id }],
    selection: { kind: "measurement", id },
  };
}

export const isPainting = ({ tool }: View): boolean => tool === "brush" || tool === "eraser";
export const isCorrecting = (now: View): boolean => isPainting(now) || now.tool === "threshold";

/** The line under way, or the brush, follows the pointer. */
export function stretch(state: State, to_mm: Vec3): State {
  return state.view.pending_mm === null && !isPainting(state.view) ? state : { ...state, rubber_mm: to_mm };
}

/** Radius of the brush. */
export const BRUSH_MM = { least: 1, most: 40, step: 1.25 };

export function setBrush(state: State, radius_mm: number): State {
  return view(state, { radius_mm: Math.min(BRUSH_MM.most, Math.max(BRUSH_MM.least, radius_mm)) });
}

/** A larger or smaller brush, by steps. */
export function resizeBrush(state: State, steps: number): State {
  return setBrush(state, state.view.radius_mm * BRUSH_MM.step ** steps);
}

/** Values that a box takes: chosen, or what the window shows. */
export function rangeOf({ view: { range, window } }: State): readonly [number, number] | null {
  return range ?? (window ? [window.low, window.high] : null);
}

export function setRange(state: State, low: number, high: number): State {
  return view(state, { range: [Math.min(low, high), Math.max(low, high)] });
}

/** One corner of a box; the other follows the pointer. */
export function beginBox(state: State, at_mm: Vec3): State {
  return { ...view(state, { pending_mm: { at: at_mm, error_mm: 0 } }), rubber_mm: at_mm };
}

export function endBox(state: State): State {
  return { ...view(state, { pending_mm: null }), rubber_mm: null };
}

export function removeMeasurement(state: State, id: string): State {
  const selection = state.selection?.kind === "measurement" && state.selection.id === id ? null : state.selection;
  return { ...state, measurements: state.measurements.filter((each) => each.id !== id), selection };
}

export function length_mm(measurement: Measurement): number {
  return distance(measurement.from_mm, measurement.to_mm);
}

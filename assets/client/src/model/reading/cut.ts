// How a pane cuts a volume: along a plane of the patient or across it, at a place, with a window, thick or thin.

import { apply, applyVector, inverse, type Vec3 } from "../affine";
import { cut_mm, isAlongAxes } from "../anatomical";
import type { Plane, Window } from "../state";
import type { VolumeNode } from "../../wire/messages";

export interface Cut {
  readonly volume: string;
  /** Null once the plane was tilted. */
  readonly plane: Plane | null;
  /** Patient directions (LPS, unit length) across and down the picture. */
  readonly across: Vec3;
  readonly down: Vec3;
  /** The plane goes through here. */
  readonly at_mm: Vec3;
  /** What stands in the middle of the pane. */
  readonly focus_mm: Vec3;
  readonly zoom: number;
  readonly window: Window;
  readonly slab_mm: number;
}

/** Patient directions (LPS) across and down the picture. The patient's right is on the left. */
export const AXES: Record<Plane, { readonly across: Vec3; readonly down: Vec3 }> = {
  axial: { across: [1, 0, 0], down: [0, 1, 0] },
  coronal: { across: [1, 0, 0], down: [0, 0, -1] },
  sagittal: { across: [0, 1, 0], down: [0, 0, -1] },
};

export const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const minus = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const plus = (a: Vec3, b: Vec3, times = 1): Vec3 => [a[0] + times * b[0], a[1] + times * b[1], a[2] + times * b[2]];
export const cross = (a: Vec3, b: Vec3): Vec3 => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = (a: Vec3): Vec3 => {
  const length = Math.hypot(...a);
  return [a[0] / length, a[1] / length, a[2] / length];
};

/** Unit normal: away from who looks at the picture. Scrolling up goes against it or along it by `upwards`. */
export const normalOf = (cut: Pick<Cut, "across" | "down">): Vec3 => cross(cut.across, cut.down);

/** Whether a cut lies along the plane across `normal`. */
export const isAlong = (cut: Pick<Cut, "across" | "down">, normal: Vec3): boolean => Math.abs(dot(normalOf(cut), normal)) > 0.999;

/** Which way a step "up the stack" goes: towards the patient's left, back and head, as in the console. */
export function upwards(cut: Pick<Cut, "across" | "down">): Vec3 {
  const normal = normalOf(cut);
  const main = normal.reduce((best, value, axis) => (Math.abs(value) > Math.abs(normal[best]!) ? axis : best), 0);
  return normal[main]! >= 0 ? normal : [-normal[0], -normal[1], -normal[2]];
}

/** From one slice to the next: the spacing of the voxels along the normal. */
export function step_mm(node: VolumeNode, cut: Pick<Cut, "across" | "down">): number {
  const way = applyVector(inverse(node.patient_from_voxel), normalOf(cut));
  // Along an axis the spacing of that axis; between axes what lies between them.
  return 1 / Math.max(...way.map(Math.abs));
}

/** Corners of the volume, outer edges of its voxels. */
export function corners_mm(node: VolumeNode): Vec3[] {
  const [ni, nj, nk] = node.shape.map((n) => n - 0.5) as [number, number, number];
  return [-0.5, ni].flatMap((i) => [-0.5, nj].flatMap((j) => [-0.5, nk].map((k) => apply(node.patient_from_voxel, [i, j, k]))));
}

/** Least and greatest extent of the volume along a direction. */
export function span_mm(node: VolumeNode, direction: Vec3): readonly [number, number] {
  const along = corners_mm(node).map((corner) => dot(corner, direction));
  return [Math.min(...along), Math.max(...along)];
}

/** `at_mm`, brought into the volume along the normal and onto a slice that was measured where there is one. */
export function settled(node: VolumeNode, cut: Pick<Cut, "across" | "down" | "plane">, at_mm: Vec3): Vec3 {
  const up = upwards(cut);
  const step = step_mm(node, cut);
  const [low, high] = span_mm(node, up);
  const here = dot(at_mm, up);
  const inside = Math.min(high - step / 2, Math.max(low + step / 2, here));
  const held = plus(at_mm, up, inside - here);
  if (cut.plane === null || !isAlongAxes(node.patient_from_voxel)) return held;
  const on = cut_mm(node.patient_from_voxel, held);
  return plus(held, up, dot(on, up) - dot(held, up));
}

export function scrolled(node: VolumeNode, cut: Cut, steps: number): Cut {
  return { ...cut, at_mm: settled(node, cut, plus(cut.at_mm, upwards(cut), steps * step_mm(node, cut))) };
}

/** The cut goes through a place, and shows it where it had left the pane. */
export function through(node: VolumeNode, cut: Cut, place_mm: Vec3): Cut {
  const up = upwards(cut);
  return { ...cut, at_mm: settled(node, cut, plus(cut.at_mm, up, dot(place_mm, up) - dot(cut.at_mm, up))) };
}

/** Which slice of how many, from 1. */
export function position(node: VolumeNode, cut: Cut): { readonly index: number; readonly count: number } {
  const up = upwards(cut);
  const step = step_mm(node, cut);
  const [low, high] = span_mm(node, up);
  const count = Math.max(1, Math.round((high - low) / step));
  const index = Math.round((dot(cut.at_mm, up) - low) / step + 0.5);
  return { index: Math.min(count, Math.max(1, index)), count };
}

/** Turned about the place it goes through: by `yaw` about the picture's upright, by `pitch` about its level. Radians. */
export function tilted(cut: Cut, yaw: number, pitch: number): Cut {
  const turn = (v: Vec3, axis: Vec3, angle: number): Vec3 => {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const side = cross(axis, v);
    const along = dot(axis, v) * (1 - c);
    return [0, 1, 2].map((i) => v[i]! * c + side[i]! * s + axis[i]! * along) as unknown as Vec3;
  };
  const across = unit(turn(cut.across, cut.down, yaw));
  const leaned = turn(cut.down, across, pitch);
  const down = unit(plus(leaned, across, -dot(leaned, across)));
  return { ...cut, plane: null, across, down };
}

/** Along a plane of the patient again, through the same place. */
export function along(node: VolumeNode, cut: Cut, plane: Plane): Cut {
  const turned = { ...cut, ...AXES[plane], plane };
  return { ...turned, at_mm: settled(node, turned, cut.at_mm) };
}

/** Across widens, down darkens: a pane's width doubles or halves the window. `dx`, `dy` as parts of the pane. */
export function rewindowed(window: Window, dx: number, dy: number): Window {
  const width = (window.high - window.low) * 2 ** (2 * dx);
  const level = (window.low + window.high) / 2 + dy * (window.high - window.low);
  return { preset: null, low: level - width / 2, high: level + width / 2 };
}

export const ZOOM = { least: 0.5, most: 20 } as const;

/** Larger about a place, which stays where it is seen. */
export function zoomed(cut: Cut, factor: number, about_mm: Vec3): Cut {
  const zoom = Math.min(ZOOM.most, Math.max(ZOOM.least, cut.zoom * factor));
  const part = 1 - cut.zoom / zoom;
  return { ...cut, zoom, focus_mm: plus(cut.focus_mm, minus(about_mm, cut.focus_mm), part) };
}

/** Letters at the four sides of a picture: the patient direction that lies most nearly that way. */
export function letters(cut: Pick<Cut, "across" | "down">): { readonly left: string; readonly right: string; readonly top: string; readonly bottom: string } {
  const name = (v: Vec3): string => {
    const sides = [["L", "R"], ["P", "A"], ["S", "I"]] as const;
    const order = [0, 1, 2].sort((a, b) => Math.abs(v[b]!) - Math.abs(v[a]!)).filter((axis) => Math.abs(v[axis]!) > 0.25);
    return order.map((axis) => sides[axis]![v[axis]! > 0 ? 0 : 1]).join("");
  };
  const turned = (v: Vec3): Vec3 => [-v[0], -v[1], -v[2]];
  return { left: name(turned(cut.across)), right: name(cut.across), top: name(turned(cut.down)), bottom: name(cut.down) };
}

/** How far a place lies off the plane. */
export const off_mm = (cut: Pick<Cut, "across" | "down" | "at_mm">, place_mm: Vec3): number => Math.abs(dot(minus(place_mm, cut.at_mm), normalOf(cut)));

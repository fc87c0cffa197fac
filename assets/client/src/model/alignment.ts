// How a tool lies against a planned way: sideways offset, tilt, and what is left to go. Patient millimetres. Pure.

import type { Vec3 } from "./affine";
import { cross, dot, minus, times, unit } from "./poses";

/** What is up when one looks along the way: the patient's head, or the front where the way runs along the body. */
const SUPERIOR: Vec3 = [0, 0, 1];
const ANTERIOR: Vec3 = [0, -1, 0];
/** A way nearer to the body's axis than this (cosine, 18°) has the front for up, as in `guidance.trajectory.alignment`. */
const ALONG_BODY = 0.95;

export interface Way {
  readonly entry_mm: Vec3;
  readonly target_mm: Vec3;
}

export interface Alignment {
  /** Of the tip from the line, to the right and up as one looks from entry to target. */
  readonly right_mm: number;
  readonly up_mm: number;
  readonly lateral_mm: number;
  /** Between the tool and the way; null where the tool has no direction. */
  readonly angle_deg: number | null;
  /** How far the tool points to the right and up of the way. */
  readonly tiltRight_deg: number;
  readonly tiltUp_deg: number;
  /** Along the way from the tip to the target; negative beyond it. */
  readonly toTarget_mm: number;
  /** From entry to target. */
  readonly length_mm: number;
}

/** Right and up, square to a unit direction. */
export function basisOf(direction: Vec3): { readonly right: Vec3; readonly up: Vec3 } {
  const towards = Math.abs(dot(direction, SUPERIOR)) >= ALONG_BODY ? ANTERIOR : SUPERIOR;
  const up = unit(minus(towards, times(direction, dot(towards, direction))))!;
  return { right: cross(direction, up), up };
}

/** Null for a way of no length. `ahead` is the unit direction in which the tool points. */
export function align(way: Way, tip_mm: Vec3, ahead: Vec3 | null): Alignment | null {
  const whole = minus(way.target_mm, way.entry_mm);
  const direction = unit(whole);
  if (direction === null) return null;
  const { right, up } = basisOf(direction);
  const from = minus(tip_mm, way.entry_mm);
  const [right_mm, up_mm, deep_mm] = [dot(from, right), dot(from, up), dot(from, direction)];
  const length_mm = Math.hypot(...whole);
  const along = ahead === null ? 1 : dot(ahead, direction);
  const lean = (axis: Vec3): number => (ahead === null ? 0 : degrees(Math.atan2(dot(ahead, axis), along)));
  return {
    right_mm,
    up_mm,
    lateral_mm: Math.hypot(right_mm, up_mm),
    // By both parts: the arc cosine alone loses small angles.
    angle_deg: ahead === null ? null : degrees(Math.atan2(Math.hypot(dot(ahead, right), dot(ahead, up)), along)),
    tiltRight_deg: lean(right),
    tiltUp_deg: lean(up),
    toTarget_mm: length_mm - deep_mm,
    length_mm,
  };
}

const degrees = (radians: number): number => (radians * 180) / Math.PI;

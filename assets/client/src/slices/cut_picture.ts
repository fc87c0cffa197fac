// Where a cut lies in its pane, whichever way it goes through the patient.

import { createPicture, type Picture } from "./picture";
import type { Vec3 } from "../model/affine";
import { dot, minus, normalOf, plus, span_mm, type Cut } from "../model/reading/cut";
import type { VolumeNode } from "../wire/messages";

/** Part of the pane that the volume fills at zoom 1. */
const FILL = 0.96;

export function mmPerPixel(node: VolumeNode, cut: Cut, width: number, height: number): number {
  const size = (direction: Vec3): number => {
    const [low, high] = span_mm(node, direction);
    return high - low;
  };
  return 1 / (FILL * Math.min(width / size(cut.across), height / size(cut.down)) * cut.zoom);
}

export function cutPicture(node: VolumeNode, cut: Cut, width: number, height: number): Picture {
  const mm = mmPerPixel(node, cut, width, height);
  const normal = normalOf(cut);
  const middle = plus(cut.focus_mm, normal, dot(minus(cut.at_mm, cut.focus_mm), normal));
  const at = (x: number, y: number): Vec3 => plus(plus(middle, cut.across, (x - width / 2) * mm), cut.down, (y - height / 2) * mm);
  return createPicture([0, 0], [width, height], at(0, 0), at(width, 0), at(0, height));
}

// The scale, always labelled: a small plate under the anatomy. Away from true size, pressing it goes back.

import * as THREE from "three";

import { panelScale } from "./legibility";
import { scaleText } from "./scale_text";
import { Panel, type Control } from "./panel";
import { faceEyes } from "./text_label";
import type { Theme } from "./theme";

const SIZE = { width_mm: 118, height_mm: 34 };
const BELOW_M = 0.06;
/** Where the plate may be, from the eyes: in reach of sight, below the line of sight, not on the floor. */
const LOWEST_BELOW_EYES_M = 0.62;
const HIGHEST_BELOW_EYES_M = 0.22;
const NEAREST_M = 0.6;

export class ScaleTag {
  readonly panel: Panel;

  constructor(theme: Theme) {
    this.panel = new Panel(SIZE, theme);
  }

  show(scale: number, trueSize: () => void): void {
    const rect = { x_mm: 4, y_mm: 4, w_mm: SIZE.width_mm - 8, h_mm: SIZE.height_mm - 8 };
    const control: Control =
      scale === 1
        ? { kind: "caption", id: "scale", rect, text: "Scale 1:1", size: "body", align: "center" }
        : { kind: "press", id: "true-size", rect, text: `${scaleText(scale)}  to 1:1`, size: "body", on: false, press: trueSize };
    this.panel.show([control]);
  }

  /** Stands before the foot of `bounds` (world), on the side of the eyes. */
  place(bounds: THREE.Box3, eyes: THREE.Vector3): void {
    const { group } = this.panel;
    const centre = bounds.getCenter(new THREE.Vector3());
    const depth_m = Math.hypot(bounds.max.x - bounds.min.x, bounds.max.z - bounds.min.z) / 2;
    const flat = centre.clone().sub(eyes).setY(0);
    const away_m = Math.max(NEAREST_M, flat.length() - 0.5 * depth_m);
    const lowest = eyes.y - LOWEST_BELOW_EYES_M;
    const y = THREE.MathUtils.clamp(bounds.min.y - BELOW_M, lowest, eyes.y - HIGHEST_BELOW_EYES_M);
    group.position.copy(eyes).addScaledVector(flat.normalize(), away_m).setY(y);
    group.scale.setScalar(panelScale(group.position.distanceTo(eyes)));
    faceEyes(group, eyes);
    group.updateMatrixWorld(true);
  }
}

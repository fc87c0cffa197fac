// Letters at the rim of the slice in the room, as on the flat slices: which way the patient lies.

import * as THREE from "three";

import { LABEL_CAP_DEG } from "./legibility";
import { TextLabel } from "./text_label";
import type { Theme } from "./theme";
import { VIEWPOINTS } from "../model/anatomical";

/** A direction that leans out of the slice more than this (its cosine with the slice) is not shown: it would mislead. */
const LEAST_IN_PLANE = 0.72;
/** Letters stand this far outside the rim. */
const MARGIN_M = 0.018;

export class SliceLetters {
  readonly group = new THREE.Group();
  readonly #letters: readonly { readonly towards: THREE.Vector3; readonly label: TextLabel }[];

  constructor(theme: Theme) {
    this.#letters = VIEWPOINTS.map(({ letter, from }) => {
      const label = new TextLabel(LABEL_CAP_DEG, theme, true);
      label.text = letter;
      this.group.add(label.mesh);
      return { towards: new THREE.Vector3(...from), label };
    });
  }

  /** What is shown now. */
  get shown(): string {
    return this.#letters.filter(({ label }) => label.mesh.visible).map(({ label }) => label.text).join("");
  }

  /** `section` are the corners of the slice in the room; `normal` its normal; `patient` how the patient is turned. */
  step(section: readonly THREE.Vector3[], normal: THREE.Vector3, patient: THREE.Quaternion, eyes: THREE.Vector3): void {
    const centre = section.reduce((sum, corner) => sum.add(corner), new THREE.Vector3()).divideScalar(Math.max(1, section.length));
    for (const { towards, label } of this.#letters) {
      const along = towards.clone().applyQuaternion(patient);
      const inPlane = along.addScaledVector(normal, -along.dot(normal));
      if (section.length < 3 || inPlane.length() < LEAST_IN_PLANE) {
        label.hide();
        continue;
      }
      inPlane.normalize();
      const rim_m = Math.max(...section.map((corner) => corner.clone().sub(centre).dot(inPlane)));
      label.place(centre.clone().addScaledVector(inPlane, rim_m + MARGIN_M), eyes);
    }
  }

  dispose(): void {
    for (const { label } of this.#letters) label.dispose();
  }
}

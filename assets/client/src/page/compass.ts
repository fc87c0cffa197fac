// Which way the patient faces: the six directions as small buttons that turn with the camera.

import * as THREE from "three";

import type { Actions } from "./actions";
import { element } from "./element";
import { VIEWPOINTS } from "../model/anatomical";
import type { Stage } from "../three/stage";

const RADIUS_PX = 30;

export function createCompass(stage: Stage, actions: Actions): HTMLElement {
  const letters = VIEWPOINTS.map(({ letter, name, from }) => ({
    direction: new THREE.Vector3(...from),
    button: element("button", { type: "button", title: `Look from ${name}`, "aria-label": `Look from ${name}`, onclick: () => actions.lookFrom(from) }, letter),
  }));
  const compass = element("div", { class: "compass", role: "group", "aria-label": "Direction of view" }, ...letters.map(({ button }) => button));
  const seen = new THREE.Quaternion(0, 0, 0, 0);
  const turned = new THREE.Quaternion();
  stage.onFrame(() => {
    // How the patient stands to the camera; it turns in a headset too, but nobody sees this there.
    turned.copy(stage.camera.quaternion).invert().multiply(stage.patient.quaternion);
    if (turned.equals(seen)) return;
    seen.copy(turned);
    for (const { direction, button } of letters) {
      const { x, y, z } = direction.clone().applyQuaternion(turned);
      button.style.transform = `translate(${(x * RADIUS_PX).toFixed(1)}px, ${(-y * RADIUS_PX).toFixed(1)}px)`;
      button.style.zIndex = String(Math.round(z * 10) + 10);
      button.classList.toggle("behind", z < -0.15);
    }
  });
  return compass;
}

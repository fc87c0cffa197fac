// The demo's ellipsoids as geometry, in headset metres.

import * as THREE from "three";
import { mergeGeometries } from "three/examples/jsm/utils/BufferGeometryUtils.js";

import { ELLIPSOIDS } from "./phantom";
import type { SurfaceSource } from "../three/surface_source";

/** LPS millimetres to headset metres: superior up, anterior towards the viewer. */
const HEADSET_FROM_PATIENT = new THREE.Matrix4().set(1e-3, 0, 0, 0, 0, 0, 1e-3, 0, 0, -1e-3, 0, 0, 0, 0, 0, 1);

function surface(key: string, detail: number): THREE.BufferGeometry {
  const shape = ELLIPSOIDS.find((each) => each.key === key)!;
  const parts = shape.parts.map(({ centre, radius }) =>
    new THREE.SphereGeometry(1, 8 * detail, 6 * detail)
      .scale(...radius)
      .translate(...centre)
      .applyMatrix4(HEADSET_FROM_PATIENT),
  );
  return mergeGeometries(parts);
}

export const demoSurfaces: SurfaceSource = {
  surface: (lod) => {
    const [, key, detail] = lod.blob.split(":");
    return Promise.resolve(surface(key!, Number(detail)));
  },
  positions: () => Promise.reject(new Error("the demo does not move")),
  patch: () => Promise.resolve(null), // the demo is not edited
};

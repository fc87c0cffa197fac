// Places of the patient, in millimetres, and of the world that the patient is drawn in, there and back.

import * as THREE from "three";

type Point = [x: number, y: number, z: number];

export function inPatient(patient: THREE.Object3D, headsetFromPatient: THREE.Matrix4, world: THREE.Vector3): Point {
  return patient.worldToLocal(world.clone()).applyMatrix4(headsetFromPatient.clone().invert()).toArray();
}

export function inWorld(patient: THREE.Object3D, headsetFromPatient: THREE.Matrix4, at_mm: Readonly<Point>): THREE.Vector3 {
  return patient.localToWorld(new THREE.Vector3(...at_mm).applyMatrix4(headsetFromPatient));
}

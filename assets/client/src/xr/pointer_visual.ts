// What is seen of a controller or a hand: plain shapes made here, so that no model is ever fetched.

import * as THREE from "three";
import { mergeGeometries } from "three/examples/jsm/utils/BufferGeometryUtils.js";

import { lengthFor } from "./legibility";
import { HAND_JOINTS, JOINT_COUNT, type Pointer } from "./pointers";
import { ACCENT, MARK } from "./theme";

/** The ray where it meets nothing, and its thickness. */
const IDLE_RAY_M = 0.35;
const RAY_RADIUS_M = 0.0009;
const CURSOR_DEG = 0.45;
const BODY = 0x5a6872;
const SKIN = 0x9fb0bb;
/** A hand at work inside the anatomy must not hide what it works on. */
const AT_WORK_OPACITY = 0.16;

/** How a hand is shown: in a see-through view one's own hand is there already. */
export type HandLook = "solid" | "tip";

/** Bones as pairs of joints: along each finger, from the wrist to each root, and across the knuckles to fill the palm. */
const KNUCKLES = ["index", "middle", "ring", "pinky"].map((finger) => HAND_JOINTS.indexOf(`${finger}-finger-phalanx-proximal` as XRHandJoint));
const BONES: readonly (readonly [number, number])[] = [
  ...HAND_JOINTS.flatMap((name, index) => (index === 0 ? [] : [[name.endsWith("metacarpal") ? 0 : index - 1, index] as const])),
  ...KNUCKLES.slice(1).map((knuckle, index) => [KNUCKLES[index]!, knuckle] as const),
  ...KNUCKLES.slice(1).map((knuckle, index) => [KNUCKLES[index]! - 1, knuckle] as const),
];

export class PointerVisual {
  readonly group = new THREE.Group();
  readonly #ray: THREE.Mesh<THREE.BufferGeometry, THREE.MeshBasicMaterial>;
  readonly #cursor: THREE.Mesh<THREE.SphereGeometry, THREE.MeshBasicMaterial>;
  readonly #body: THREE.Mesh | null;
  readonly #hand: HandVisual | null;

  constructor(pointer: Pointer, look: HandLook) {
    this.#ray = new THREE.Mesh(rayGeometry(), new THREE.MeshBasicMaterial({ vertexColors: true, transparent: true, depthWrite: false, toneMapped: false }));
    this.#ray.renderOrder = 150;
    this.#cursor = new THREE.Mesh(new THREE.SphereGeometry(0.5, 16, 12), new THREE.MeshBasicMaterial({ color: MARK, depthTest: false, transparent: true, toneMapped: false }));
    this.#cursor.renderOrder = 210;
    this.#body = pointer.kind === "controller" ? controllerMesh(pointer) : null;
    this.#hand = pointer.kind === "hand" ? new HandVisual(look) : null;
    this.group.add(this.#ray, this.#cursor);
    if (this.#body) this.group.add(this.#body);
    if (this.#hand) this.group.add(this.#hand.group);
  }

  /** `reach_m` is where the ray ends on something, 0 where a tip does the pointing, null where it meets nothing. */
  update(pointer: Pointer, reach_m: number | null, eyes: THREE.Vector3, atWork: boolean): void {
    this.group.visible = pointer.tracked;
    if (!pointer.tracked) return;
    const pressed = pointer.select.held || pointer.squeeze.held;
    this.#drawRay(pointer, reach_m, pressed, eyes);
    if (this.#body) pointer.hold.decompose(this.#body.position, this.#body.quaternion, this.#body.scale);
    this.#hand?.update(pointer, pressed);
    for (const material of [this.#body?.material, this.#hand?.material]) if (material) see(material as THREE.Material, atWork);
  }

  dispose(): void {
    this.group.traverse((each) => {
      if (!(each instanceof THREE.Mesh)) return;
      (each.geometry as THREE.BufferGeometry).dispose();
      (each.material as THREE.Material).dispose();
    });
    this.group.removeFromParent();
  }

  #drawRay(pointer: Pointer, reach_m: number | null, pressed: boolean, eyes: THREE.Vector3): void {
    const meets = reach_m !== null && reach_m > 0;
    this.#ray.visible = reach_m !== 0 && pointer.kind !== "transient";
    this.#cursor.visible = meets;
    this.#ray.position.copy(pointer.ray.origin);
    this.#ray.quaternion.setFromUnitVectors(FORWARD, pointer.ray.direction);
    this.#ray.scale.set(1, 1, meets ? reach_m : IDLE_RAY_M);
    this.#ray.material.color.setHex(pressed ? ACCENT : MARK);
    this.#ray.material.opacity = meets ? 0.6 : 0.3;
    if (!meets) return;
    pointer.ray.at(reach_m, this.#cursor.position);
    this.#cursor.scale.setScalar(lengthFor(pressed ? 0.8 * CURSOR_DEG : CURSOR_DEG, this.#cursor.position.distanceTo(eyes)));
    this.#cursor.material.color.setHex(pressed ? ACCENT : MARK);
  }
}

const FORWARD = new THREE.Vector3(0, 0, -1);

/** A thin rod along -Z, bright at the hand, faint at its end. */
function rayGeometry(): THREE.BufferGeometry {
  const rod = new THREE.CylinderGeometry(RAY_RADIUS_M * 0.5, RAY_RADIUS_M, 1, 6, 1, true);
  rod.translate(0, 0.5, 0).rotateX(-Math.PI / 2);
  const place = rod.getAttribute("position");
  const colours = new Float32Array(place.count * 4);
  for (let i = 0; i < place.count; i += 1) colours.set([1, 1, 1, place.getZ(i) < -0.5 ? 0.25 : 1], 4 * i);
  return rod.setAttribute("color", new THREE.BufferAttribute(colours, 4));
}

/** A rounded grip with a head ring's stub and a trigger nub; grip space: -Z is forward along the fist. */
function controllerMesh(pointer: Pointer): THREE.Mesh {
  const side = pointer.handedness === "left" ? 1 : -1;
  const grip = new THREE.CapsuleGeometry(0.0155, 0.075, 6, 14).rotateX(Math.PI / 2).translate(0, 0, 0.02);
  const head = new THREE.SphereGeometry(0.025, 18, 12).scale(1, 0.62, 1.1).translate(0, 0.006, -0.034);
  const trigger = new THREE.CapsuleGeometry(0.006, 0.014, 4, 8).translate(0, -0.016, -0.036);
  const stick = new THREE.CylinderGeometry(0.007, 0.0055, 0.01, 14).translate(0.007 * side, 0.024, -0.036);
  const merged = mergeGeometries([grip, head, trigger, stick].map((part) => part.deleteAttribute("uv")));
  return new THREE.Mesh(merged, new THREE.MeshStandardMaterial({ color: BODY, roughness: 0.55 }));
}

/** Joints and bones as two instanced draws. */
class HandVisual {
  readonly group = new THREE.Group();
  readonly #joints: THREE.InstancedMesh<THREE.SphereGeometry, THREE.MeshStandardMaterial>;
  readonly #bones: THREE.InstancedMesh<THREE.CylinderGeometry, THREE.MeshStandardMaterial>;

  get material(): THREE.Material {
    return this.#joints.material;
  }

  constructor(private readonly look: HandLook) {
    const skin = new THREE.MeshStandardMaterial({ color: SKIN, roughness: 0.7 });
    this.#joints = new THREE.InstancedMesh(new THREE.SphereGeometry(1, 14, 10), skin, JOINT_COUNT);
    this.#bones = new THREE.InstancedMesh(new THREE.CylinderGeometry(1, 1, 1, 10, 1, true), skin, BONES.length);
    for (const mesh of [this.#joints, this.#bones]) mesh.frustumCulled = false;
    this.#bones.visible = look === "solid";
    this.group.add(this.#joints, this.#bones);
  }

  update(pointer: Pointer, pressed: boolean): void {
    const joints = pointer.joints!;
    const shown = this.look === "solid" ? HAND_JOINTS : [];
    HAND_JOINTS.forEach((name, index) => {
      const radius = shown.length > 0 || name === "index-finger-tip" ? pointer.jointRadii_m[index]! * 0.92 : 0;
      this.#joints.setMatrixAt(index, PLACE.makeScale(radius, radius, radius).setPosition(at(joints, index, FROM)));
    });
    this.#joints.instanceMatrix.needsUpdate = true;
    this.#joints.material.emissive.setHex(pressed ? 0x12414a : 0x000000);
    if (this.look !== "solid") return;
    BONES.forEach(([from, to], index) => this.#bones.setMatrixAt(index, bone(joints, from, to, pointer.jointRadii_m)));
    this.#bones.instanceMatrix.needsUpdate = true;
  }
}

function see(material: THREE.Material, through: boolean): void {
  if (material.transparent === through) return;
  material.transparent = through;
  material.opacity = through ? AT_WORK_OPACITY : 1;
  material.depthWrite = !through;
  material.needsUpdate = true;
}

const PLACE = new THREE.Matrix4();
const FROM = new THREE.Vector3();
const TO = new THREE.Vector3();
const TURN = new THREE.Quaternion();
const SIZE = new THREE.Vector3();
const UP = new THREE.Vector3(0, 1, 0);

function at(joints: Float32Array, index: number, out: THREE.Vector3): THREE.Vector3 {
  return out.fromArray(joints, 16 * index + 12);
}

function bone(joints: Float32Array, from: number, to: number, radii_m: Float32Array): THREE.Matrix4 {
  at(joints, from, FROM);
  at(joints, to, TO).sub(FROM);
  const length = TO.length();
  const radius = 0.95 * Math.min(radii_m[from]!, radii_m[to]!);
  TURN.setFromUnitVectors(UP, length > 0 ? TO.clone().divideScalar(length) : UP);
  return PLACE.compose(FROM.addScaledVector(TO, 0.5), TURN, SIZE.set(radius, length, radius));
}

// Controllers and hands as one thing: a pointer has a ray, a tip, a pose that holds, and three buttons.
// A trigger and a pinch are both `select`; a grip button and a fist are both `squeeze`.

import * as THREE from "three";

import { Button } from "./button";

export type PointerKind = "controller" | "hand" | "transient";

/** xr-standard gamepad places: https://www.w3.org/TR/webxr-gamepads-module-1/#xr-standard-gamepad-mapping */
const STICK_PRESS = 3;
const MENU_BUTTONS = [4, STICK_PRESS] as const;
/** The upper face button, B or Y. */
const UPPER_BUTTON = 5;
const TOUCHPAD_AXES = [0, 1] as const;
const STICK_AXES = [2, 3] as const;
/** A stick at rest is rarely at zero. */
const STICK_DEAD = 0.15;
/** Where the body of a held controller ends in front, from its grip. */
const CONTROLLER_TIP_M = 0.075;

export const HAND_JOINTS: readonly XRHandJoint[] = [
  "wrist",
  "thumb-metacarpal",
  "thumb-phalanx-proximal",
  "thumb-phalanx-distal",
  "thumb-tip",
  ...(["index", "middle", "ring", "pinky"] as const).flatMap((finger) =>
    (["metacarpal", "phalanx-proximal", "phalanx-intermediate", "phalanx-distal", "tip"] as const).map(
      (part) => `${finger}-finger-${part}` as const,
    ),
  ),
];
export const JOINT_COUNT = HAND_JOINTS.length;
const WRIST = 0;
const THUMB_TIP = HAND_JOINTS.indexOf("thumb-tip");
const INDEX_TIP = HAND_JOINTS.indexOf("index-finger-tip");

export class Pointer {
  readonly kind: PointerKind;
  readonly handedness: XRHandedness;
  /** World metres; direction of unit length. */
  readonly ray = new THREE.Ray();
  /** The rigid pose that a held thing follows: the grip, or the pinch point turned with the wrist. */
  readonly hold = new THREE.Matrix4();
  /** Fingertip, or the front end of the controller. */
  readonly tip = new THREE.Vector3();
  /** Unit normal that leaves the open palm. */
  readonly palm = new THREE.Vector3();
  /** Centre of the wrist or grip. */
  readonly wrist = new THREE.Vector3();
  readonly select = new Button();
  readonly squeeze = new Button();
  readonly menu = new Button();
  readonly upper = new Button();
  readonly stick = new THREE.Vector2();
  /** Joint poses, 16 floats each in `HAND_JOINTS` order; null for controllers. */
  readonly joints: Float32Array | null;
  readonly jointRadii_m = new Float32Array(JOINT_COUNT);
  /** False while the device cannot say where the hand is. */
  tracked = false;

  constructor(readonly source: XRInputSource) {
    this.handedness = source.handedness;
    this.kind = source.hand ? "hand" : source.targetRayMode === "tracked-pointer" ? "controller" : "transient";
    this.joints = source.hand ? new Float32Array(16 * JOINT_COUNT) : null;
  }

  /** Reads poses, stick and buttons for this frame. */
  update(frame: XRFrame, space: XRReferenceSpace): void {
    const aim = frame.getPose(this.source.targetRaySpace, space);
    this.tracked = aim !== undefined;
    if (aim !== undefined) this.#pose(frame, space, aim.transform.matrix);
    this.#gamepad();
    this.select.step();
    this.squeeze.step();
    this.menu.step();
    this.upper.step();
  }

  /** Everything let go, as when the device takes the input away. */
  letGo(): void {
    this.select.set(false);
    this.squeeze.set(false);
    this.menu.set(false);
    this.upper.set(false);
  }

  #pose(frame: XRFrame, space: XRReferenceSpace, aim: Float32Array): void {
    scratch.fromArray(aim);
    this.ray.origin.setFromMatrixPosition(scratch);
    this.ray.direction.set(0, 0, -1).transformDirection(scratch);
    const grip = this.source.gripSpace && frame.getPose(this.source.gripSpace, space);
    this.hold.fromArray(grip?.transform.matrix ?? aim);
    this.wrist.setFromMatrixPosition(this.hold);
    this.tip.copy(this.wrist).addScaledVector(this.ray.direction, CONTROLLER_TIP_M);
    // Grip space: +X leaves the left palm and enters the right one (OpenXR "grip" pose, which WebXR follows).
    this.palm.setFromMatrixColumn(this.hold, 0).multiplyScalar(this.handedness === "right" ? -1 : 1);
    if (this.joints !== null && this.source.hand) this.#hand(frame, space, this.source.hand, this.joints);
  }

  #hand(frame: XRFrame, space: XRReferenceSpace, hand: XRHand, joints: Float32Array): void {
    HAND_JOINTS.forEach((name, index) => {
      const joint = hand.get(name);
      const pose = joint && frame.getJointPose?.(joint, space);
      if (!pose) return;
      joints.set(pose.transform.matrix, 16 * index);
      this.jointRadii_m[index] = pose.radius ?? 0.008;
    });
    jointPosition(joints, INDEX_TIP, this.tip);
    jointPosition(joints, WRIST, this.wrist);
    this.hold.fromArray(joints, 16 * WRIST);
    // Joints: -Y leaves the palm (https://www.w3.org/TR/webxr-hand-input-1/#skeleton-joints-section).
    this.palm.setFromMatrixColumn(this.hold, 1).negate();
    // What is pinched hangs between the two tips; the wrist turns it, for the tips shake as they close.
    pinchPoint.addVectors(jointPosition(joints, THUMB_TIP, pinchPoint), this.tip).multiplyScalar(0.5);
    this.hold.setPosition(pinchPoint);
  }

  #gamepad(): void {
    const pad = this.source.gamepad;
    if (!pad) return;
    const isPressed = (place: number): boolean => this.kind === "controller" && (pad.buttons[place]?.pressed ?? false);
    this.menu.set(MENU_BUTTONS.some(isPressed));
    this.upper.set(isPressed(UPPER_BUTTON));
    const axes = pad.axes.length > 2 ? STICK_AXES : TOUCHPAD_AXES;
    this.stick.set(live(pad.axes[axes[0]]), live(pad.axes[axes[1]]));
  }
}

function live(axis: number | null | undefined): number {
  return typeof axis === "number" && Math.abs(axis) > STICK_DEAD ? axis : 0;
}

function jointPosition(joints: Float32Array, index: number, out: THREE.Vector3): THREE.Vector3 {
  return out.fromArray(joints, 16 * index + 12);
}

const scratch = new THREE.Matrix4();
const pinchPoint = new THREE.Vector3();

const BUTTON_EVENTS = [
  ["selectstart", "select", true],
  ["selectend", "select", false],
  ["squeezestart", "squeeze", true],
  ["squeezeend", "squeeze", false],
] as const;

/** The pointers of one session, by input source. */
export class Pointers {
  readonly #bySource = new Map<XRInputSource, Pointer>();
  readonly #stop = new AbortController();

  /** `onGone` is told of every pointer that leaves, so that what it held is let go. */
  constructor(session: XRSession, onGone: (pointer: Pointer) => void) {
    const signal = this.#stop.signal;
    for (const [event, button, down] of BUTTON_EVENTS) {
      session.addEventListener(event, ({ inputSource }) => this.#of(inputSource)[button].set(down), { signal });
    }
    session.addEventListener("inputsourceschange", ({ removed }) => {
      for (const source of removed) {
        const pointer = this.#bySource.get(source);
        this.#bySource.delete(source);
        if (pointer) onGone(pointer);
      }
    }, { signal });
  }

  /** This frame's pointers, tracked or not. */
  update(session: XRSession, frame: XRFrame, space: XRReferenceSpace): Pointer[] {
    const pointers = [...session.inputSources].map((source) => this.#of(source));
    for (const pointer of pointers) pointer.update(frame, space);
    return pointers;
  }

  /** Lets every button go: the device took the input away (its own menu is up). */
  letGo(): void {
    for (const pointer of this.#bySource.values()) pointer.letGo();
  }

  dispose(): void {
    this.#stop.abort();
    this.#bySource.clear();
  }

  #of(source: XRInputSource): Pointer {
    const known = this.#bySource.get(source);
    if (known) return known;
    const pointer = new Pointer(source);
    this.#bySource.set(source, pointer);
    return pointer;
  }
}

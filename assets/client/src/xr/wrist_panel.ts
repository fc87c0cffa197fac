// Where the panel is: beside an upturned palm, standing where it was put, or away.

import * as THREE from "three";

import { DESIGN_DISTANCE_M, PANEL_NEAR_M, panelScale } from "./legibility";
import { Panel } from "./panel";
import { PANEL_SIZE } from "./panel_layout";
import { gazeOf } from "./placement";
import type { Pointer } from "./pointers";
import { faceEyes } from "./text_label";
import type { Theme } from "./theme";

/** Cosine of the angle between palm and eyes: shown within 40°, kept until 60°. */
const PALM_SHOWS = Math.cos(THREE.MathUtils.degToRad(40));
const PALM_KEEPS = Math.cos(THREE.MathUtils.degToRad(60));
/** A palm must face the eyes this long: a hand that only passes shows nothing. */
const PALM_HOLD_S = 0.2;
const FADE_S = 0.12;
/** The panel floats beyond the hand, on the side of the thumb's neighbour, so that the other hand can reach it. */
const ABOVE_PALM_M = 0.17;
const BESIDE_PALM_M = 0.15;
/** A standing panel: distance, angle below the eyes, least angle beside the anatomy, and the gap kept to it. */
const STAND_M = 0.72;
const BELOW_EYES_DEG = 9;
const LEAST_SIDE_DEG = 18;
const MOST_SIDE_DEG = 34;
const GAP_DEG = 2.5;
/** Half of the panel's width, as the eye sees it. */
export const HALF_WIDTH_DEG = THREE.MathUtils.radToDeg(Math.atan(PANEL_SIZE.width_mm / 2000 / DESIGN_DISTANCE_M));

export type PanelPlace = "away" | "wrist" | "standing";

/** Whether a palm that does or does not show the panel now faces the eyes. */
export function palmFacesEyes(pointer: Pointer, eyes: THREE.Vector3, shownNow: boolean): boolean {
  const towards = eyes.clone().sub(pointer.wrist).normalize();
  return pointer.tracked && pointer.palm.dot(towards) > (shownNow ? PALM_KEEPS : PALM_SHOWS);
}

/** Where a standing panel may be, best first: beside the anatomy on one side or the other, as the eyes see it, or before it. */
function standingPlaces(eyes: THREE.Vector3, ahead: THREE.Vector3, side: -1 | 1, anatomy: THREE.Box3): THREE.Vector3[] {
  const centre = anatomy.getCenter(new THREE.Vector3());
  const size = anatomy.getSize(new THREE.Vector3());
  const arm = centre.clone().sub(eyes).setY(0);
  const breadth = Math.max(size.x, size.z) / 2;
  const half_deg = THREE.MathUtils.radToDeg(Math.atan2(breadth, Math.max(0.1, arm.length() - Math.min(size.x, size.z) / 2)));
  const below = THREE.MathUtils.degToRad(BELOW_EYES_DEG);
  const at = (base: THREE.Vector3, turn_deg: number, away_m: number): THREE.Vector3 => {
    const direction = base.clone().applyAxisAngle(UP, THREE.MathUtils.degToRad(-turn_deg));
    direction.multiplyScalar(Math.cos(below)).setY(-Math.sin(below));
    return direction.multiplyScalar(away_m).add(eyes);
  };
  const angle = sideAngle_deg(half_deg);
  const towards = arm.lengthSq() > 0 ? arm.normalize() : ahead;
  return [STAND_M, PANEL_NEAR_M].flatMap((away_m) => [
    at(ahead, side * angle, away_m),
    at(towards, side * angle, away_m),
    at(towards, -side * angle, away_m),
    at(ahead, side * MOST_SIDE_DEG, away_m),
    at(ahead, -side * MOST_SIDE_DEG, away_m),
  ]);
}

/** Horizontal angle at which a standing panel clears anatomy that fills `halfWidth_deg` on either side. */
export function sideAngle_deg(halfWidth_deg: number): number {
  return Math.min(MOST_SIDE_DEG, Math.max(LEAST_SIDE_DEG, halfWidth_deg + HALF_WIDTH_DEG + GAP_DEG));
}

export class WristPanel {
  readonly panel: Panel;
  #place: PanelPlace = "away";
  #hand: Pointer | null = null;
  #facing: { pointer: Pointer; since_s: number } | null = null;
  /** A palm that has just let go of the panel must turn away before it shows it again. */
  #spent: Pointer | null = null;
  #shown = 0;

  constructor(theme: Theme) {
    this.panel = new Panel(PANEL_SIZE, theme);
    this.panel.fade(0);
  }

  get place(): PanelPlace {
    return this.#place;
  }

  /** Belongs to this hand's palm now. */
  on(pointer: Pointer): boolean {
    return this.#place === "wrist" && this.#hand === pointer;
  }

  /** Stands beside the anatomy, on the given side (-1 left, 1 right) if there is room, in reach and facing the eyes. */
  stand(head: THREE.Matrix4, side: -1 | 1, anatomy: THREE.Box3): void {
    const { eyes, ahead } = gazeOf(head);
    const places = standingPlaces(eyes, ahead, side, anatomy);
    const clear = places.find((at) => !anatomy.intersectsBox(this.#boxAt(at))) ?? places[0]!;
    this.#put(clear, eyes);
    this.#place = "standing";
    this.#hand = null;
  }

  /** Steps aside when the anatomy has been moved into it. */
  makeRoom(head: THREE.Matrix4, anatomy: THREE.Box3): void {
    if (anatomy.intersectsBox(this.#boxAt(this.panel.group.position))) this.comeAlong(head, anatomy);
  }

  /** Stands anew before the person, on the side where it stood; seen to fade in rather than to jump. */
  comeAlong(head: THREE.Matrix4, anatomy: THREE.Box3): void {
    if (this.#place !== "standing") return;
    const before = this.panel.group.position.clone();
    const { eyes, ahead } = gazeOf(head);
    const right = new THREE.Vector3().crossVectors(ahead, UP);
    this.stand(head, before.clone().sub(eyes).dot(right) < 0 ? -1 : 1, anatomy);
    if (before.distanceTo(this.panel.group.position) > 0.02) this.#shown = 0;
  }

  /** Leaves the panel standing where it is, no nearer than it can be read. */
  pin(eyes: THREE.Vector3): void {
    this.#spent = this.#hand;
    const arm = this.panel.group.position.clone().sub(eyes);
    arm.setLength(Math.max(arm.length(), DESIGN_DISTANCE_M));
    this.#put(eyes.clone().add(arm), eyes);
    this.#place = "standing";
    this.#hand = null;
  }

  close(): void {
    this.#place = "away";
    this.#hand = null;
  }

  /** Watches the palms; `free` are the hands that hold nothing. */
  step(free: readonly Pointer[], eyes: THREE.Vector3, time_s: number, dt_s: number): void {
    this.#watchPalms(free, eyes, time_s);
    if (this.#place === "wrist" && this.#hand !== null) this.#follow(this.#hand, eyes);
    const target = this.#place === "away" ? 0 : 1;
    this.#shown += Math.sign(target - this.#shown) * Math.min(Math.abs(target - this.#shown), dt_s / FADE_S);
    this.panel.fade(this.#shown);
  }

  #watchPalms(free: readonly Pointer[], eyes: THREE.Vector3, time_s: number): void {
    if (this.#spent !== null && !palmFacesEyes(this.#spent, eyes, true)) this.#spent = null;
    const up = free.find((each) => each !== this.#spent && palmFacesEyes(each, eyes, this.#hand === each)) ?? null;
    if (this.#place === "wrist" && up !== this.#hand) this.close();
    if (up === null) this.#facing = null;
    else if (this.#facing?.pointer !== up) this.#facing = { pointer: up, since_s: time_s };
    if (this.#facing === null || this.#hand !== null || time_s - this.#facing.since_s < PALM_HOLD_S) return;
    this.#place = "wrist";
    this.#hand = this.#facing.pointer;
    this.#shown = 0;
  }

  /** Above the palm and inward of it, where the other hand reaches without crossing it. */
  #follow(hand: Pointer, eyes: THREE.Vector3): void {
    const inward = handSide(hand) * -BESIDE_PALM_M;
    const across = new THREE.Vector3().subVectors(hand.wrist, eyes).cross(UP).normalize();
    const at = hand.wrist.clone().addScaledVector(across, inward).addScaledVector(UP, ABOVE_PALM_M);
    // Never nearer than it is drawn to be read, as far as the arm allows.
    const arm = at.sub(eyes);
    arm.setLength(Math.max(arm.length(), DESIGN_DISTANCE_M));
    this.#put(arm.add(eyes), eyes);
  }

  /** A cube that holds the panel standing at `at`, however it is turned. */
  #boxAt(at: THREE.Vector3): THREE.Box3 {
    return new THREE.Box3().setFromCenterAndSize(at, CLEARANCE);
  }

  #put(at: THREE.Vector3, eyes: THREE.Vector3): void {
    const { group } = this.panel;
    group.position.copy(at);
    group.scale.setScalar(panelScale(at.distanceTo(eyes)));
    faceEyes(group, eyes);
    group.updateMatrixWorld(true);
  }
}

const UP = new THREE.Vector3(0, 1, 0);
const CLEARANCE = new THREE.Vector3(0.2, 0.3, 0.2);

/** -1 for a left hand, 1 for a right one. */
export function handSide(pointer: Pointer): -1 | 1 {
  return pointer.handedness === "left" ? -1 : 1;
}

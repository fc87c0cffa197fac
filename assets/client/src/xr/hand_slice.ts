// A plane through the real voxels: carried by a hand, set down in the room, or put on an anatomical plane.
// The whole cross-section is shown, not only what lies near the hand; the anatomy on the viewer's side may be cut away.

import * as THREE from "three";

import type { Pointer } from "./pointers";
import { ACCENT, MARK } from "./theme";
import type { Plane } from "../model/state";
import { createSliceMaterial, followPatient } from "../volume/slice_material";
import type { VolumeTexture } from "../volume/texture";

/** The plate seen in the hand: edge length, and how near a ray or tip must come to its rim or face to take it. */
const PLATE_M = 0.2;
const PLATE_REACH_M = 0.03;
/** How far in front of the hand the plane may stand. */
const REACH_LIMITS_M = { least: 0.06, most: 1.4 } as const;
/** Thumbstick fully pushed. Squared, so that small pushes step through single slices. */
const SCROLL_M_PER_S = 0.16;
/** The cut changes sides only when the eyes are this far past the plane. */
const SIDE_HYSTERESIS_M = 0.03;
/** The cut stands this far behind the slice, so that the two never fight for the same depth. */
const CUT_BEHIND_M = 0.0006;

/** Black that belongs to no structure, air round the body, is left out: the anatomy or the room is seen through it. */
const BLACK = 0.004;

export interface SlicePose {
  readonly position: THREE.Vector3;
  readonly quaternion: THREE.Quaternion;
}

/** Outward normals in the patient group's own axes: x left, y up (superior), z anterior. */
export const PLANE_NORMALS: Readonly<Record<Plane, THREE.Vector3>> = {
  axial: new THREE.Vector3(0, 1, 0),
  coronal: new THREE.Vector3(0, 0, 1),
  sagittal: new THREE.Vector3(1, 0, 0),
};

/** Corners of the polygon in which a plane cuts the unit-cube image `worldFromBox` ([0,1]³), in order; empty if it misses. */
export function crossSection(plane: THREE.Plane, worldFromBox: THREE.Matrix4): THREE.Vector3[] {
  const corner = (index: number): THREE.Vector3 =>
    new THREE.Vector3(index & 1, (index >> 1) & 1, (index >> 2) & 1).applyMatrix4(worldFromBox);
  const cuts: THREE.Vector3[] = [];
  for (let from = 0; from < 8; from += 1) {
    for (const bit of [1, 2, 4]) {
      if ((from & bit) !== 0) continue;
      const cut = plane.intersectLine(new THREE.Line3(corner(from), corner(from | bit)), new THREE.Vector3());
      if (cut !== null) cuts.push(cut);
    }
  }
  return aroundCentre(cuts, plane.normal);
}

function aroundCentre(points: THREE.Vector3[], normal: THREE.Vector3): THREE.Vector3[] {
  if (points.length < 3) return [];
  const centre = points.reduce((sum, point) => sum.add(point), new THREE.Vector3()).divideScalar(points.length);
  const u = points[0]!.clone().sub(centre).normalize();
  const v = new THREE.Vector3().crossVectors(normal, u);
  const angle = (point: THREE.Vector3): number => {
    const arm = point.clone().sub(centre);
    return Math.atan2(arm.dot(v), arm.dot(u));
  };
  return points.sort((a, b) => angle(a) - angle(b));
}

type Carrier = { readonly pointer: Pointer; readonly planeFromHold: THREE.Matrix4; readonly untilRelease: boolean };

export class HandSlice {
  readonly group = new THREE.Group();
  /** Cuts the anatomy; kept in step with the slice. */
  readonly cut = new THREE.Plane();
  #on = false;
  #cutting = true;
  #carrier: Carrier | null = null;
  #side = 1;
  #volume: VolumeTexture | null = null;
  #voxels: THREE.Mesh<THREE.BufferGeometry, THREE.ShaderMaterial> | null = null;
  readonly #plate = new THREE.Group();
  readonly #outline: THREE.LineLoop<THREE.BufferGeometry, THREE.LineBasicMaterial>;
  #section: readonly THREE.Vector3[] = [];
  readonly #stem: THREE.Line<THREE.BufferGeometry, THREE.LineBasicMaterial>;

  constructor(private readonly patient: THREE.Group) {
    this.#plate.add(plateFrame());
    const accent = new THREE.LineBasicMaterial({ color: ACCENT, toneMapped: false });
    this.#outline = new THREE.LineLoop(dynamicLine(6), accent);
    const quiet = new THREE.LineBasicMaterial({ color: ACCENT, transparent: true, opacity: 0.45, toneMapped: false });
    this.#stem = new THREE.Line(dynamicLine(2), quiet);
    for (const line of [this.#outline, this.#stem]) line.frustumCulled = false;
    this.group.add(this.#plate, this.#outline, this.#stem);
    this.group.visible = false;
  }

  get on(): boolean {
    return this.#on;
  }

  /** Whether a hand carries it now. */
  get carried(): boolean {
    return this.#carrier !== null;
  }

  /** Whether it opens the anatomy now. */
  get isCutting(): boolean {
    return this.on && this.#cutting;
  }

  get cutting(): boolean {
    return this.#cutting;
  }

  set cutting(cutting: boolean) {
    this.#cutting = cutting;
  }

  /** World pose of the plane; +Z is its normal. */
  get pose(): SlicePose {
    return { position: this.#plate.position.clone(), quaternion: this.#plate.quaternion.clone() };
  }

  /** Corners of what is shown, in the room; none while it is put away. */
  get section(): readonly THREE.Vector3[] {
    return this.#on ? this.#section : [];
  }

  get normal(): THREE.Vector3 {
    return new THREE.Vector3(0, 0, 1).applyQuaternion(this.#plate.quaternion);
  }

  carriedBy(pointer: Pointer): boolean {
    return this.#carrier?.pointer === pointer;
  }

  putAway(): void {
    this.#on = false;
    this.#carrier = null;
    this.group.visible = false;
  }

  /** Puts the plane into a hand: square to its ray, through the middle of the anatomy as far as the hand reaches. */
  carry(pointer: Pointer): void {
    this.#on = true;
    const reach = THREE.MathUtils.clamp(
      this.#centre().sub(pointer.ray.origin).dot(pointer.ray.direction),
      REACH_LIMITS_M.least,
      REACH_LIMITS_M.most,
    );
    this.#plate.position.copy(pointer.ray.at(reach, new THREE.Vector3()));
    const back = pointer.ray.direction.clone().negate();
    this.#plate.quaternion.setFromRotationMatrix(new THREE.Matrix4().lookAt(back, ORIGIN, upOf(pointer, back)));
    this.#take(pointer, false);
  }

  /** Moves a standing plane along with everything else: the person asked for a new "here". */
  moveBy(motion: THREE.Matrix4): void {
    if (this.#carrier !== null) return;
    this.#plate.applyMatrix4(motion);
    this.#plate.scale.setScalar(1);
  }

  /** Takes a standing plane by its plate until the button is let go. */
  grip(pointer: Pointer): void {
    this.#take(pointer, true);
  }

  /** A standing plane goes through a place, turned as it is. */
  goTo(place: THREE.Vector3): void {
    if (this.#on && this.#carrier === null) this.#plate.position.copy(place);
  }

  /** The hand lets it stand where it is. */
  setDown(): void {
    this.#carrier = null;
  }

  /** Ends a grip that lasts while a button is held. */
  letGo(pointer: Pointer): void {
    if (this.#carrier?.pointer === pointer && this.#carrier.untilRelease) this.setDown();
  }

  /** A hand that left takes nothing with it. */
  gone(pointer: Pointer): void {
    if (this.#carrier?.pointer === pointer) this.setDown();
  }

  /** Stands on an anatomical plane through the middle of the anatomy, facing the eyes. */
  standOn(plane: Plane, eyes: THREE.Vector3): void {
    this.#on = true;
    this.#carrier = null;
    const rotation = this.patient.getWorldQuaternion(new THREE.Quaternion());
    const normal = PLANE_NORMALS[plane].clone().applyQuaternion(rotation);
    const centre = this.#centre();
    if (normal.dot(eyes.clone().sub(centre)) < 0) normal.negate();
    const up = (plane === "axial" ? PLANE_NORMALS.coronal : PLANE_NORMALS.axial).clone().applyQuaternion(rotation);
    this.#plate.position.copy(centre);
    this.#plate.quaternion.setFromRotationMatrix(new THREE.Matrix4().lookAt(normal, ORIGIN, up));
  }

  /** Distance along the ray to the plate, 0 for a tip at it; null when it is out of reach. */
  reach(pointer: Pointer): number | null {
    if (!this.#on) return null;
    const local = this.#plate.worldToLocal(pointer.tip.clone());
    if (Math.abs(local.z) < PLATE_REACH_M && onPlate(local)) return 0;
    const hit = this.#hitPlane(pointer.ray);
    return hit !== null && onPlate(this.#plate.worldToLocal(hit.clone())) ? hit.distanceTo(pointer.ray.origin) : null;
  }

  /** Where a ray meets the shown voxels; null when it misses them. */
  meet(ray: THREE.Ray): THREE.Vector3 | null {
    const hit = this.#on ? this.#hitPlane(ray) : null;
    if (hit === null || this.#volume === null) return null;
    const inVolume = hit.clone().applyMatrix4(this.#worldFromTexture(this.#volume).invert());
    return UNIT_BOX.containsPoint(inVolume) ? hit : null;
  }

  /** Follows the hand, the thumbstick and the anatomy. `scrolling` are the sticks free to move the plane. */
  step(volume: VolumeTexture | null, eyes: THREE.Vector3, scrolling: readonly Pointer[], dt_s: number): void {
    this.group.visible = this.#on;
    if (!this.#on) return;
    this.#useVolume(volume);
    for (const { stick } of scrolling) this.#scroll(stick.y, eyes, dt_s);
    if (this.#carrier !== null) {
      const { pointer, planeFromHold } = this.#carrier;
      new THREE.Matrix4().multiplyMatrices(pointer.hold, planeFromHold).decompose(this.#plate.position, this.#plate.quaternion, SCRATCH);
    }
    this.#updateCut(eyes);
    this.#drawSection();
    this.#drawStem();
  }

  dispose(): void {
    this.#useVolume(null);
    this.group.traverse((each) => {
      if (each instanceof THREE.Mesh || each instanceof THREE.Line) {
        (each.geometry as THREE.BufferGeometry).dispose();
        (each.material as THREE.Material).dispose();
      }
    });
    this.group.removeFromParent();
  }

  #take(pointer: Pointer, untilRelease: boolean): void {
    this.#plate.updateMatrix();
    const planeFromHold = pointer.hold.clone().invert().multiply(this.#plate.matrix);
    this.#carrier = { pointer, planeFromHold, untilRelease };
  }

  /** Pushed away from the eyes with the stick up; a carrying hand keeps its new distance. */
  #scroll(stick: number, eyes: THREE.Vector3, dt_s: number): void {
    if (stick === 0) return;
    const away = this.normal.multiplyScalar(this.#plate.position.clone().sub(eyes).dot(this.normal) < 0 ? -1 : 1);
    const move = away.multiplyScalar(-Math.sign(stick) * stick * stick * SCROLL_M_PER_S * dt_s);
    this.#plate.position.add(move);
    if (this.#carrier !== null) this.#take(this.#carrier.pointer, this.#carrier.untilRelease);
  }

  #updateCut(eyes: THREE.Vector3): void {
    const normal = this.normal;
    const side = eyes.clone().sub(this.#plate.position).dot(normal);
    if (Math.abs(side) > SIDE_HYSTERESIS_M) this.#side = Math.sign(side);
    // three clips what lies on the negative side; what is kept lies away from the eyes.
    const kept = normal.multiplyScalar(-this.#side);
    const at = this.#plate.position.clone().addScaledVector(kept, CUT_BEHIND_M);
    this.cut.setFromNormalAndCoplanarPoint(kept, at);
  }

  #drawSection(): void {
    const section = this.#volume === null ? [] : crossSection(this.#hitPlaneOf(), this.#worldFromTexture(this.#volume));
    this.#section = section;
    setLine(this.#outline, section);
    if (this.#voxels === null) return;
    this.#voxels.visible = section.length > 0;
    if (section.length === 0) return;
    const place = this.#voxels.geometry.getAttribute("position") as THREE.BufferAttribute;
    // A fan of four triangles holds any section of a box; spare corners repeat the last.
    for (let i = 0; i < 6; i += 1) place.setXYZ(i, ...section[Math.min(i, section.length - 1)]!.toArray());
    place.needsUpdate = true;
    followPatient(this.#voxels.material, this.patient);
  }

  #drawStem(): void {
    const from = this.#carrier?.pointer.hold;
    setLine(this.#stem, from ? [new THREE.Vector3().setFromMatrixPosition(from), this.#plate.position] : []);
  }

  #useVolume(volume: VolumeTexture | null): void {
    if (volume === this.#volume) return;
    this.#volume = volume;
    if (this.#voxels !== null) {
      this.group.remove(this.#voxels);
      this.#voxels.geometry.dispose();
      this.#voxels.material.dispose();
      this.#voxels = null;
    }
    if (volume === null) return;
    const geometry = dynamicLine(6);
    geometry.setIndex([0, 1, 2, 0, 2, 3, 0, 3, 4, 0, 4, 5]);
    geometry.setDrawRange(0, 12);
    this.#voxels = new THREE.Mesh(geometry, createSliceMaterial(volume, { cutAir: BLACK }));
    this.#voxels.frustumCulled = false;
    this.group.add(this.#voxels);
  }

  #worldFromTexture(volume: VolumeTexture): THREE.Matrix4 {
    this.patient.updateWorldMatrix(true, false);
    const headsetFromTexture = volume.uniforms.uTextureFromHeadset.value.clone().invert();
    return headsetFromTexture.premultiply(this.patient.matrixWorld);
  }

  #centre(): THREE.Vector3 {
    return this.patient.getWorldPosition(new THREE.Vector3());
  }

  #hitPlaneOf(): THREE.Plane {
    return new THREE.Plane().setFromNormalAndCoplanarPoint(this.normal, this.#plate.position);
  }

  #hitPlane(ray: THREE.Ray): THREE.Vector3 | null {
    return ray.intersectPlane(this.#hitPlaneOf(), new THREE.Vector3());
  }
}

const ORIGIN = new THREE.Vector3();
const SCRATCH = new THREE.Vector3();
const UNIT_BOX = new THREE.Box3(new THREE.Vector3(0, 0, 0), new THREE.Vector3(1, 1, 1));

function onPlate({ x, y }: THREE.Vector3): boolean {
  return Math.max(Math.abs(x), Math.abs(y)) < PLATE_M / 2 + PLATE_REACH_M / 2;
}

/** Up as the hand holds it, unless the ray points straight up or down. */
function upOf(pointer: Pointer, back: THREE.Vector3): THREE.Vector3 {
  const up = new THREE.Vector3(0, 1, 0);
  return Math.abs(back.y) < 0.95 ? up : new THREE.Vector3().setFromMatrixColumn(pointer.hold, 1);
}

function dynamicLine(count: number): THREE.BufferGeometry {
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array(3 * count), 3).setUsage(THREE.DynamicDrawUsage));
  geometry.setDrawRange(0, 0);
  return geometry;
}

function setLine(line: THREE.Line, points: readonly THREE.Vector3[]): void {
  const place = line.geometry.getAttribute("position") as THREE.BufferAttribute;
  points.forEach((point, i) => place.setXYZ(i, point.x, point.y, point.z));
  place.needsUpdate = true;
  line.geometry.setDrawRange(0, points.length);
}

/** Four bright corners: says where the plate is without hiding what it shows. */
function plateFrame(): THREE.LineSegments {
  const [edge, arm] = [PLATE_M / 2, PLATE_M / 7];
  const points = [-1, 1].flatMap((x) =>
    [-1, 1].flatMap((y) => [
      [x * edge, y * edge, 0], [x * (edge - arm), y * edge, 0],
      [x * edge, y * edge, 0], [x * edge, y * (edge - arm), 0],
    ]),
  );
  const geometry = new THREE.BufferGeometry().setAttribute("position", new THREE.Float32BufferAttribute(points.flat(), 3));
  return new THREE.LineSegments(geometry, new THREE.LineBasicMaterial({ color: MARK, toneMapped: false }));
}

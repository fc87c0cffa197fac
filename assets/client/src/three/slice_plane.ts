// The three linked slices as planes among the surfaces: the same voxels, at the same cursor.

import * as THREE from "three";

import { apply, type Vec3 } from "../model/affine";
import { NORMAL_AXIS } from "../model/anatomical";
import { PLANES, type Plane } from "../model/state";
import { createSliceMaterial, followPatient } from "../volume/slice_material";
import type { VolumeTexture } from "../volume/texture";
import type { VolumeNode } from "../wire/messages";

/** Darker than this part of the window is left out: air does not hide the anatomy behind it. */
const CUT_AIR = 0.04;

/** Smallest and largest patient coordinate of the volume along L, P, S. */
export function extent_mm(node: VolumeNode): readonly [Vec3, Vec3] {
  const [ni, nj, nk] = node.shape.map((n) => n - 0.5) as [number, number, number];
  const corners = [-0.5, ni].flatMap((i) => [-0.5, nj].flatMap((j) => [-0.5, nk].map((k) => apply(node.patient_from_voxel, [i, j, k]))));
  const along = (axis: number, pick: (...values: number[]) => number): number => pick(...corners.map((corner) => corner[axis]!));
  const bound = (pick: (...values: number[]) => number): Vec3 => [along(0, pick), along(1, pick), along(2, pick)];
  return [bound(Math.min), bound(Math.max)];
}

function cornersOf(plane: Plane, cursor: Vec3, [low, high]: readonly [Vec3, Vec3]): number[] {
  const axis = NORMAL_AXIS[plane];
  const [u, v] = ([0, 1, 2] as const).filter((each) => each !== axis) as [0 | 1 | 2, 0 | 1 | 2];
  const corner = (du: number, dv: number): number[] => {
    const point = [...cursor];
    point[u] = du ? high[u] : low[u];
    point[v] = dv ? high[v] : low[v];
    return point;
  };
  return [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)].flat();
}

export class SlicePlanes {
  readonly group = new THREE.Group();
  private readonly material: THREE.ShaderMaterial;
  private readonly extent: readonly [Vec3, Vec3];
  private readonly positions = new Map<Plane, THREE.BufferAttribute>();
  private readonly geometries: THREE.BufferGeometry[] = [];

  constructor(
    volume: VolumeTexture,
    private readonly headsetFromPatient: THREE.Matrix4,
  ) {
    this.material = createSliceMaterial(volume, { cutAir: CUT_AIR });
    this.extent = extent_mm(volume.node);
    for (const plane of PLANES) {
      const geometry = new THREE.BufferGeometry();
      const position = new THREE.BufferAttribute(new Float32Array(12), 3);
      geometry.setAttribute("position", position);
      geometry.setIndex([0, 1, 2, 0, 2, 3]);
      const mesh = new THREE.Mesh(geometry, this.material);
      mesh.frustumCulled = false;
      mesh.name = `slice ${plane}`;
      this.positions.set(plane, position);
      this.geometries.push(geometry);
      this.group.add(mesh);
    }
  }

  setCursor(cursor_mm: Vec3, patient: THREE.Object3D): void {
    for (const [plane, position] of this.positions) {
      position.copyArray(cornersOf(plane, cursor_mm, this.extent)).applyMatrix4(this.headsetFromPatient);
      position.needsUpdate = true;
    }
    followPatient(this.material, patient);
  }

  dispose(): void {
    this.material.dispose();
    for (const geometry of this.geometries) geometry.dispose();
    this.group.removeFromParent();
  }
}

// A synthetic chest that the page can show without any server (`?demo`): ellipsoids as surfaces and as voxels.

import type { Vec3 } from "../model/affine";
import type { Scene, SurfaceNode, VolumeNode } from "../wire/messages";

/** One ellipsoid: patient millimetres, Hounsfield units. Later ones overwrite earlier ones. */
export interface Ellipsoid {
  readonly label: number;
  readonly key: string;
  readonly name: string;
  readonly code: readonly [string, string];
  readonly colour: [number, number, number];
  readonly opacity: number;
  readonly hu: number;
  readonly parts: readonly { readonly centre: Vec3; readonly radius: Vec3 }[];
}

const spine = [-120, -80, -40, 0, 40, 80, 120].map((z) => ({ centre: [0, 72, z] as Vec3, radius: [20, 17, 15] as Vec3 }));

export const ELLIPSOIDS: readonly Ellipsoid[] = [
  { label: 1, key: "body", name: "Body", code: ["123037004", "Body structure"], colour: [222, 184, 160], opacity: 0.18, hu: 30, parts: [{ centre: [0, 0, 0], radius: [165, 110, 160] }] },
  { label: 2, key: "lung_left", name: "Left lung", code: ["44029006", "Left lung"], colour: [232, 152, 160], opacity: 0.55, hu: -820, parts: [{ centre: [78, 5, 5], radius: [52, 72, 112] }] },
  { label: 3, key: "lung_right", name: "Right lung", code: ["3341006", "Right lung"], colour: [240, 172, 178], opacity: 0.55, hu: -820, parts: [{ centre: [-80, 5, 5], radius: [56, 74, 114] }] },
  { label: 4, key: "heart", name: "Heart", code: ["80891009", "Heart"], colour: [190, 64, 66], opacity: 0.8, hu: 45, parts: [{ centre: [22, -28, -32], radius: [42, 38, 46] }] },
  { label: 5, key: "bone", name: "Bone", code: ["272673000", "Bone"], colour: [240, 230, 204], opacity: 1, hu: 420, parts: spine },
  { label: 6, key: "nodule", name: "Nodule", code: ["27925004", "Nodule"], colour: [250, 122, 0], opacity: 1, hu: 35, parts: [{ centre: [-92, -22, 40], radius: [11, 10, 11] }] },
];

const SHAPE: [number, number, number] = [120, 84, 84];
const SPACING: [number, number, number] = [3, 3, 4];
const SLAB = 12;

const ORIGIN = SHAPE.map((n, axis) => (-SPACING[axis]! * (n - 1)) / 2) as unknown as Vec3;

function ellipsoidVolume_ml({ radius: [a, b, c] }: { radius: Vec3 }): number {
  return (4 / 3) * Math.PI * a * b * c * 1e-3;
}

/** Knud Thomsen's approximation, good to 1.2 %. */
function ellipsoidArea_mm2({ radius: [a, b, c] }: { radius: Vec3 }): number {
  const p = 1.6075;
  return 4 * Math.PI * (((a * b) ** p + (a * c) ** p + (b * c) ** p) / 3) ** (1 / p);
}

function surfaceNode(shape: Ellipsoid): SurfaceNode {
  const sum = (each: (part: { radius: Vec3 }) => number): number => shape.parts.reduce((total, part) => total + each(part), 0);
  return {
    kind: "surface",
    id: `surface-${shape.key}`,
    structure: {
      label: shape.label,
      key: shape.key,
      name: shape.name,
      code: { value: shape.code[0], scheme: "SCT", meaning: shape.code[1] },
      colour: shape.colour,
      opacity: shape.opacity,
      provenance: { pipeline: "demo ellipsoids", version: "1", parameters: {}, synthetic: true },
      parts: [],
      pattern: "plain",
    },
    lods: [
      { blob: `demo:${shape.key}:5`, bytes: 10, triangles: 5120 * shape.parts.length, error_mm: 0.3 },
      { blob: `demo:${shape.key}:3`, bytes: 1, triangles: 1280 * shape.parts.length, error_mm: 1.2 },
    ],
    volume_ml: sum(ellipsoidVolume_ml),
    surface_area_mm2: sum(ellipsoidArea_mm2),
    closed: true,
    source: "demo",
    frame_of_reference_uid: "2.25.1",
    registration_epoch: 0,
    patches: [],
    corrected_by: [],
    moved: [],
    made_s: 0,
  };
}

function volumeNode(): VolumeNode {
  const starts = Array.from({ length: SHAPE[2] / SLAB }, (_, index) => index * SLAB);
  const slabs = (kind: string): VolumeNode["slabs"] =>
    starts.map((k) => ({ blob: `demo:${kind}:${k}`, bytes: 0, k_start: k, k_count: SLAB }));
  return {
    kind: "volume",
    id: "volume",
    title: "Synthetic chest",
    modality: "CT",
    quantity: "HU",
    shape: SHAPE,
    spacing_mm: SPACING,
    patient_from_voxel: [SPACING[0], 0, 0, ORIGIN[0], 0, SPACING[1], 0, ORIGIN[1], 0, 0, SPACING[2], ORIGIN[2], 0, 0, 0, 1],
    value_range: [-32768, 32767],
    presets: [
      { name: "Soft tissue", low: -160, high: 240 },
      { name: "Lung", low: -1350, high: 150 },
      { name: "Bone", low: -500, high: 1300 },
    ],
    slabs: slabs("samples"),
    label_slabs: slabs("labels"),
    label_boxes: [],
    frame_of_reference_uid: "2.25.1",
    source: "demo",
    registration_epoch: 0,
    made_s: 0,
  };
}

/** The scene as a server would announce it; its blobs are made by `demoSamples` and `demoSurface`. */
export function demoScene(): Scene {
  return {
    id: "demo",
    title: "Synthetic chest",
    frame_of_reference_uid: "2.25.1",
    registration_epoch: 0,
    headset_from_patient: [0.001, 0, 0, 0, 0, 0, 0.001, 0, 0, -0.001, 0, 0, 0, 0, 0, 1],
    nodes: [...ELLIPSOIDS.map(surfaceNode), volumeNode()],
    opened: null,
    registration: null,
    guidance: null,
    alerts: [],
    warnings: ["Synthetic data made in this browser; no patient."],
  };
}

function inside(part: { centre: Vec3; radius: Vec3 }, x: number, y: number, z: number): boolean {
  const [cx, cy, cz] = part.centre;
  const [a, b, c] = part.radius;
  return ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 + ((z - cz) / c) ** 2 <= 1;
}

/** Labels and Hounsfield units of slices `kStart`..`kStart + kCount`, i fastest. */
export function demoSlices(kStart: number, kCount: number): { samples: Int16Array<ArrayBuffer>; labels: Uint8Array<ArrayBuffer> } {
  const [ni, nj] = SHAPE;
  const samples = new Int16Array(ni * nj * kCount).fill(-1000);
  const labels = new Uint8Array(ni * nj * kCount);
  let noise = 12345;
  for (let index = 0; index < samples.length; index += 1) {
    const x = ORIGIN[0] + SPACING[0] * (index % ni);
    const y = ORIGIN[1] + SPACING[1] * (Math.floor(index / ni) % nj);
    const z = ORIGIN[2] + SPACING[2] * (kStart + Math.floor(index / (ni * nj)));
    for (const shape of ELLIPSOIDS) {
      if (!shape.parts.some((part) => inside(part, x, y, z))) continue;
      labels[index] = shape.label;
      samples[index] = shape.hu;
    }
    noise = (Math.imul(noise, 1103515245) + 12345) & 0x7fffffff;
    samples[index]! += (noise >> 16) % 31 - 15;
  }
  return { samples, labels };
}

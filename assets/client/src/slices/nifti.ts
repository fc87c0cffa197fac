// The wire's voxels as a NIfTI-1 image in memory: how NiiVue is fed. RAS stands here alone; all else is LPS.

import type { VolumeNode } from "../wire/messages";

const HEADER_BYTES = 352;
const DATATYPE = { samples: [4, 16], labels: [2, 8] } as const;

export interface Image {
  readonly buffer: ArrayBuffer;
  /** View of the voxels inside `buffer`: int16 samples or uint8 labels, i fastest. */
  readonly voxels: Int16Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
}

/** An empty image of the volume's shape and place (NIfTI-1, nifti.nimh.nih.gov/nifti-1). */
export function createImage(node: VolumeNode, kind: "samples" | "labels"): Image {
  const [ni, nj, nk] = node.shape;
  const count = ni * nj * nk;
  const [datatype, bits] = DATATYPE[kind];
  const buffer = new ArrayBuffer(HEADER_BYTES + (count * bits) / 8);
  const view = new DataView(buffer);
  const float = (at: number, values: readonly number[]): void => {
    values.forEach((value, index) => view.setFloat32(at + 4 * index, value, true));
  };
  const short = (at: number, values: readonly number[]): void => {
    values.forEach((value, index) => view.setInt16(at + 2 * index, value, true));
  };
  view.setInt32(0, 348, true);
  short(40, [3, ni, nj, nk, 1, 1, 1, 1]);
  short(70, [datatype, bits]);
  float(76, [1, ...node.spacing_mm, 0, 0, 0, 0]);
  float(108, [HEADER_BYTES]);
  const [low, high] = node.value_range;
  const slope = kind === "samples" ? (high - low) / 65535 : 1;
  float(112, [slope, kind === "samples" ? low + 32768 * slope : 0]);
  view.setUint8(123, 2); // millimetres
  short(252, [0, 1]); // no quaternion; the matrix below holds
  const m = node.patient_from_voxel;
  float(280, [...m.slice(0, 4).map((v) => -v), ...m.slice(4, 8).map((v) => -v), ...m.slice(8, 12)]);
  view.setUint32(344, 0x00312b6e, true); // "n+1\0"
  const voxels = kind === "samples" ? new Int16Array(buffer, HEADER_BYTES) : new Uint8Array(buffer, HEADER_BYTES);
  return { buffer, voxels };
}

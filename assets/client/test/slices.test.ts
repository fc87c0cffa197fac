import assert from "node:assert/strict";
import { test } from "node:test";

import { PLANES } from "../src/model/state";
import { panned, zoomed } from "../src/slices/framing";
import { planePicture, type Sight } from "../src/slices/plane_picture";
import { reslice, type Look, type Voxels } from "../src/slices/reslice";
import { extent_mm } from "../src/three/slice_plane";
import type { VolumeNode } from "../src/wire/messages";

const SHAPE: [number, number, number] = [8, 6, 4];

function node(patient_from_voxel: number[]): VolumeNode {
  return {
    kind: "volume", id: "v", title: "", modality: "CT", quantity: "HU", shape: SHAPE, spacing_mm: [1, 1, 1], patient_from_voxel,
    value_range: [-32768, 32767], presets: [{ name: "All", low: 0, high: 255 }], slabs: [], label_slabs: [],
  label_boxes: [],
  source: "test",
  registration_epoch: 0,
  made_s: 0, frame_of_reference_uid: "",
  };
}

/** Value 10 i + 20 j + 30 k: trilinear interpolation of it is exact everywhere. */
function ramp(patient_from_voxel: number[]): Voxels {
  const count = SHAPE[0] * SHAPE[1] * SHAPE[2];
  const samples = Int16Array.from({ length: count }, (_, n) => 10 * (n % 8) + 20 * (Math.floor(n / 8) % 6) + 30 * Math.floor(n / 48));
  return { node: node(patient_from_voxel), samples, labels: new Uint8Array(count) };
}

const STRAIGHT = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
/** The same block turned 30 degrees about the patient's long axis. */
const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
const OBLIQUE = [c, -s, 0, 0, s, c, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const GREY: Look = { low: 0, high: 255, palette: new Uint8Array(1024) };

function sightOf(voxels: Voxels, cursor: [number, number, number]): Sight {
  return { width: 80, height: 60, extent_mm: extent_mm(voxels.node), cursor_mm: cursor, focus_mm: cursor, zoom: 1 };
}

for (const [name, matrix] of [["straight", STRAIGHT], ["oblique", OBLIQUE]] as const) {
  test(`a slice of a ${name} ramp shows the ramp, interpolated`, () => {
    const voxels = ramp([...matrix]);
    const [i, j, k] = [3.4, 2.7, 1.2];
    const cursor = [matrix[0]! * i + matrix[1]! * j, matrix[4]! * i + matrix[5]! * j, k] as [number, number, number];
    for (const plane of PLANES) {
      const picture = planePicture(plane, sightOf(voxels, cursor));
      const pixels = new Uint8ClampedArray(80 * 60 * 4);
      reslice(voxels, picture, 1, GREY, pixels, 80);
      // The cursor lies in the middle of the pane, between the four middle pixels.
      const at = [[39, 29], [40, 29], [39, 30], [40, 30]].map(([x, y]) => pixels[(y! * 80 + x!) * 4]!);
      const mean = at.reduce((a, b) => a + b) / 4;
      assert.ok(Math.abs(mean - (10 * i + 20 * j + 30 * k)) < 1, `${plane}: ${mean}`);
    }
  });
}

test("outside the volume is black and opaque", () => {
  const voxels = ramp(STRAIGHT);
  const pixels = new Uint8ClampedArray(80 * 60 * 4);
  reslice(voxels, planePicture("axial", sightOf(voxels, [3, 3, 2])), 1, { ...GREY, low: -100 }, pixels, 80);
  assert.deepEqual([...pixels.slice(0, 4)], [0, 0, 0, 255]);
});

test("a labelled voxel takes its structure's colour as strongly as asked", () => {
  const voxels = ramp(STRAIGHT);
  voxels.labels.fill(7);
  const palette = new Uint8Array(1024);
  palette.set([200, 0, 0, 255], 28);
  const pixels = new Uint8ClampedArray(80 * 60 * 4);
  reslice(voxels, planePicture("axial", sightOf(voxels, [3, 3, 2])), 1, { ...GREY, palette }, pixels, 80);
  assert.deepEqual([...pixels.slice((30 * 80 + 40) * 4, (30 * 80 + 40) * 4 + 3)], [200, 0, 0]);
});

test("pictures are radiological: the patient's left is on the right, head up, front up or left", () => {
  const sight = sightOf(ramp(STRAIGHT), [3, 3, 2]);
  const step = (plane: (typeof PLANES)[number], dx: number, dy: number): number[] => {
    const picture = planePicture(plane, sight);
    const [a, b] = [picture.toPatient(40, 30), picture.toPatient(40 + dx, 30 + dy)];
    return b.map((value, axis) => Math.sign(Math.round((value - a[axis]!) * 1e6)));
  };
  assert.deepEqual(step("axial", 1, 0), [1, 0, 0]);
  assert.deepEqual(step("axial", 0, 1), [0, 1, 0]);
  assert.deepEqual(step("coronal", 1, 0), [1, 0, 0]);
  assert.deepEqual(step("coronal", 0, 1), [0, 0, -1]);
  assert.deepEqual(step("sagittal", 1, 0), [0, 1, 0]);
  assert.deepEqual(step("sagittal", 0, 1), [0, 0, -1]);
});

test("a pixel and its patient position are each other's inverse", () => {
  for (const plane of PLANES) {
    const picture = planePicture(plane, { ...sightOf(ramp(STRAIGHT), [3, 3, 2]), zoom: 2.5 });
    const [x, y] = picture.toPixel(picture.toPatient(12, 47));
    assert.ok(Math.hypot(x - 12, y - 47) < 1e-9);
  }
});

test("the place under the pointer stays where it is while slices come nearer, and nearness has its bounds", () => {
  const at: [number, number, number] = [10, -4, 6];
  const near = zoomed({ zoom: 1, focus: [0, 0, 0] }, 2, at);
  assert.equal(near.zoom, 2);
  near.focus.forEach((f, axis) => assert.ok(Math.abs((at[axis]! - f) * near.zoom - at[axis]!) < 1e-9));
  assert.equal(zoomed(near, 100, at).zoom, 12);
  assert.equal(zoomed(near, 0.01, at).zoom, 1);
});

test("what was under the pointer goes with it", () => {
  assert.deepEqual(panned([1, 2, 3], [0, 0, 0], [4, -1, 0.5]), [-3, 3, 2.5]);
});

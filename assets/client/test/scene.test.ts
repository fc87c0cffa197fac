import assert from "node:assert/strict";
import { test } from "node:test";

import { demoScene } from "../src/demo/phantom";
import { openScene, receiveJob, receiveOp, receiveScene, volumeOf } from "../src/model/scene";
import { INITIAL_STATE } from "../src/model/state";
import { setOpacity, surfaces } from "../src/model/structures";
import { addMeasurement, placePoint, removeMeasurement, setCursor, setWindow } from "../src/model/view";
import type { Job } from "../src/wire/messages";
import { backOff_ms } from "../src/wire/socket";

const opened = openScene(INITIAL_STATE, demoScene());
const job: Job = { id: "1", state: "running", stage: "reading", fraction: 0.1, eta_s: 3, study: "s", series: null, error: null };

test("the same scene again, as after a lost connection, keeps what the person chose", () => {
  const chosen = setOpacity(opened, "bone", 0.3);
  assert.equal(receiveScene(chosen, demoScene()).structures["bone"]?.opacity, 0.3);
});

test("another scene starts from its defaults", () => {
  const chosen = setOpacity(opened, "bone", 0.3);
  assert.equal(receiveScene(chosen, { ...demoScene(), id: "other" }).structures["bone"]?.opacity, 1);
});

test("a removed node takes its view and its selection with it", () => {
  const selected = { ...opened, selection: { kind: "structure", key: "bone" } as const, solo: "bone" };
  const gone = receiveOp(selected, { kind: "remove_node", id: "surface-bone" });
  assert.equal(gone.structures["bone"], undefined);
  assert.equal(gone.selection, null);
  assert.equal(gone.solo, null);
});

test("a node put again takes the place of its older self", () => {
  const node = surfaces(opened.scene)[2]!;
  const put = receiveOp(opened, { kind: "put_node", node: { ...node, volume_ml: 1 } });
  assert.equal(surfaces(put.scene)[2]?.volume_ml, 1);
  assert.equal(surfaces(put.scene).length, surfaces(opened.scene).length);
});

test("of several veils only the faintest is shown at first", () => {
  const scene = demoScene();
  const fat = { ...surfaces(scene)[0]!, id: "fat" };
  fat.structure = { ...fat.structure, key: "fat", opacity: 0.25 };
  const state = openScene(INITIAL_STATE, { ...scene, nodes: [...scene.nodes, fat] });
  assert.equal(state.structures["fat"]?.visible, false);
  assert.equal(state.structures["body"]?.visible, true);
});

test("a failed job leaves words, a cancelled one leaves nothing", () => {
  const running = receiveJob(INITIAL_STATE, job);
  assert.equal(running.job?.id, "1");
  const failed = receiveJob(running, { ...job, state: "failed" });
  assert.equal(failed.job, null);
  assert.match(failed.failure?.summary ?? "", /failed/);
  const cancelled = receiveJob(running, { ...job, state: "cancelled" });
  assert.deepEqual([cancelled.job, cancelled.failure], [null, null]);
});

test("an answer that comes after the end of its job brings neither the job back nor its failure away", () => {
  const failed = receiveJob(INITIAL_STATE, { ...job, state: "failed" });
  const late = receiveJob(failed, { ...job, state: "queued" });
  assert.equal(late.job, null);
  assert.match(late.failure?.summary ?? "", /failed/);
  assert.equal(receiveJob(failed, { ...job, id: "2" }).job?.id, "2");
});

test("the cursor stays inside the volume", () => {
  const [x] = setCursor(opened, [1e6, 0, 0]).view.cursor_mm!;
  assert.ok(x < 200);
});

test("a window is at least one HU wide", () => {
  const window = setWindow(opened, 40, 40).view.window!;
  assert.equal(window.high - window.low, 1);
});

test("two points make a measurement whose error holds both", () => {
  const one = placePoint(opened, [0, 0, 0], 3, "slice");
  assert.equal(one.measurements.length, 0);
  const two = placePoint(one, [30, 40, 0], 4, "slice");
  assert.equal(two.measurements[0]?.error_mm, 5);
  assert.equal(two.view.pending_mm, null);
  assert.equal(removeMeasurement(two, "1").selection, null);
});

test("measurements keep their numbers when one is deleted", () => {
  const part = { from_mm: [0, 0, 0], to_mm: [1, 0, 0], error_mm: 1, where: "slice" } as const;
  const three = addMeasurement(addMeasurement(addMeasurement(opened, part), part), part);
  assert.deepEqual(addMeasurement(removeMeasurement(three, "2"), part).measurements.map((m) => m.id), ["1", "3", "4"]);
});

test("waiting doubles up to eight seconds and is spread by chance", () => {
  assert.equal(backOff_ms(0, 1), 250);
  assert.equal(backOff_ms(3, 0), 1000);
  assert.equal(backOff_ms(50, 1), 8000);
});

const labels = (low: [number, number, number], shape: [number, number, number], blob: string) => ({ low, shape, blob, start: 0, bytes: 1 });
const patch = (blob: string, ...blocks: [number, number, number][]) => ({ blocks, counts: blocks.map(() => 1), blob, start: 0, bytes: 1, triangles: blocks.length });

test("a patch leaves when later ones have all of its blocks, and an edit replaces boxes of labels that it covers", () => {
  const id = surfaces(opened.scene)[1]!.id;
  const first = receiveOp(opened, { kind: "edit_scene", by: "surgeon", undo_count: 1, redo_count: 0, labels: labels([1, 1, 1], [2, 2, 2], "a"), surfaces: [{ id, volume_ml: 7, patches: [patch("a", [0, 0, 0], [1, 0, 0]), patch("a2", [2, 0, 0])] }] });
  const second = receiveOp(first, { kind: "edit_scene", by: "surgeon", undo_count: 1, redo_count: 0, labels: labels([0, 0, 0], [4, 4, 4], "b"), surfaces: [{ id, volume_ml: 8, patches: [patch("b", [1, 0, 0], [2, 0, 0])] }] });
  const node = surfaces(second.scene)[1]!;
  assert.equal(node.volume_ml, 8);
  assert.deepEqual(node.patches.map(({ blob }) => blob), ["a", "b"]);
  assert.deepEqual(volumeOf(second.scene)!.label_boxes.map(({ blob }) => blob), ["b"]);
  assert.equal(surfaces(second.scene)[0], surfaces(opened.scene)[0], "what was not edited stays the same object");
  assert.deepEqual(node.corrected_by, ["surgeon"]);

  const lods = [{ blob: "whole", bytes: 1, triangles: 9, error_mm: 0.5 }];
  const slabs = [{ blob: "slab", bytes: 1, k_start: 0, k_count: 4 }];
  const whole = receiveOp(second, { kind: "renew_scene", surfaces: [{ id, lods, surface_area_mm2: 3, closed: true }], label_slabs: slabs, edits: ["a", "a2"] });
  const renewed = surfaces(whole.scene)[1]!;
  assert.deepEqual([renewed.lods, renewed.patches.map(({ blob }) => blob), renewed.volume_ml], [lods, ["b"], 8], "what came after those edits stays");
  assert.deepEqual([volumeOf(whole.scene)!.label_slabs, volumeOf(whole.scene)!.label_boxes.map(({ blob }) => blob)], [slabs, ["b"]]);
  assert.equal(whole.structures, second.structures, "what a person chose stays");
});

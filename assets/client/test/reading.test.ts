import assert from "node:assert/strict";
import { test } from "node:test";

import { AXES, scrolled, tilted, zoomed, letters, normalOf, dot, step_mm, type Cut } from "../src/model/reading/cut";
import { Gap, Journal, type Keep, type Wire } from "../src/model/reading/journal";
import { fillRuns, runsOf } from "../src/model/reading/painting";
import { EVERY_S, Viewing, type Shown } from "../src/model/reading/viewing";
import { after, nextMark, NO_WORK, workOf } from "../src/model/reading/work";
import { slabSteps } from "../src/slices/slab";
import type { VolumeNode } from "../src/wire/messages";
import type { AnyEvent } from "../src/wire/training_messages";

const NODE = { shape: [10, 12, 8], spacing_mm: [1, 1, 3], patient_from_voxel: [1, 0, 0, -5, 0, 1, 0, -6, 0, 0, 3, -12, 0, 0, 0, 1] } as unknown as VolumeNode;
const CUT: Cut = { volume: "ct", plane: "axial", ...AXES.axial, at_mm: [0, 0, 0], focus_mm: [0, 0, 0], zoom: 1, window: { preset: null, low: 0, high: 1 }, slab_mm: 0 };

const marked = (n: number, mark: string, confidence = 0.5): AnyEvent => ({ n, t_s: n, kind: "marked", task: "find", mark, at_mm: [n, 0, 0], confidence });
const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 30));

test("work follows from events, and what is committed stays", () => {
  const events: AnyEvent[] = [marked(0, "m1"), marked(1, "m2"), marked(2, "m1", 0.9), { n: 3, t_s: 3, kind: "unmarked", task: "find", mark: "m2" }, { n: 4, t_s: 4, kind: "committed", task: "find" }, marked(5, "m3")];
  const work = events.reduce(after, NO_WORK);
  assert.deepEqual(workOf(work, "find").marks, [{ id: "m1", at_mm: [2, 0, 0], confidence: 0.9 }]);
  assert.equal(workOf(work, "find").isCommitted, true);
  assert.equal(nextMark(events, "find"), "m4");
});

test("a break does not count as reading", () => {
  const events: AnyEvent[] = [{ n: 0, t_s: 10, kind: "paused" }, { n: 1, t_s: 70, kind: "resumed" }, marked(75, "m1")];
  assert.equal(events.reduce(after, NO_WORK).read_s, 15);
});

test("events are numbered without a gap, sent again after a fault, and forgotten once kept", async () => {
  const sent: number[][] = [];
  const kept = new Map<number, AnyEvent>();
  const keep: Keep = { put: (event) => {
    kept.set(event.n, event);
    return Promise.resolve();
  }, drop: (next) => {
    for (const n of [...kept.keys()]) if (n < next) kept.delete(n);
    return Promise.resolve();
  } };
  let isUp = false;
  const wire: Wire = { post: (events) => {
    sent.push(events.map(({ n }) => n));
    return isUp ? Promise.resolve(events.at(-1)!.n + 1) : Promise.reject(new Error("nobody"));
  } };
  const journal = new Journal(5, [], keep, wire, () => 1, () => undefined);
  journal.add({ kind: "hinted", task: "find" });
  journal.add({ kind: "committed", task: "find" });
  await settle();
  assert.deepEqual([...kept.keys()], [5, 6]);
  isUp = true;
  journal.retry();
  await settle();
  assert.deepEqual(sent.at(-1), [5, 6]);
  assert.equal(kept.size, 0);
  journal.end();
});

test("what was kept over a reload goes on where the server stands; a gap told by it is closed", async () => {
  const sent: number[][] = [];
  const keep: Keep = { put: () => Promise.resolve(), drop: () => Promise.resolve() };
  const wire: Wire = { post: (events) => {
    sent.push(events.map(({ n }) => n));
    return sent.length === 1 ? Promise.reject(new Gap(4)) : Promise.resolve(events.at(-1)!.n + 1);
  } };
  const journal = new Journal(3, [marked(2, "m1"), marked(4, "m2"), marked(3, "m1")], keep, wire, () => 1, () => undefined);
  await settle();
  assert.deepEqual(sent, [[3, 4], [4]]);
  assert.equal(journal.add({ kind: "revealed" }).n, 5);
  journal.end();
});

test("what a pane shows is told at most so often, and the last of it always", () => {
  const told: string[] = [];
  const viewing = new Viewing((happening) => told.push(happening.kind));
  const shown = (z: number): Shown => ({ volume: "ct", centre_mm: [0, 0, z], right_mm: [1, 0, 0], down_mm: [0, 1, 0], slab_mm: 0, low: 0, high: 1 });
  viewing.show(0, shown(0), 0);
  for (let n = 1; n < 10; n += 1) viewing.show(0, shown(n), n * 0.01);
  assert.equal(told.length, 1);
  viewing.tick(EVERY_S + 0.01);
  viewing.tick(5);
  assert.equal(told.length, 2);
});

test("a step of the stack is a slice that was measured, and the ends hold", () => {
  assert.equal(step_mm(NODE, CUT), 3);
  assert.deepEqual(scrolled(NODE, CUT, 1).at_mm, [0, 0, 3]);
  assert.deepEqual(scrolled(NODE, CUT, 1000).at_mm, [0, 0, 9]);
  assert.deepEqual(scrolled(NODE, CUT, -1000).at_mm, [0, 0, -12]);
});

test("a tilted plane keeps right angles and is called by no plane's name", () => {
  const cut = tilted(CUT, 0.3, -0.4);
  assert.equal(cut.plane, null);
  assert.ok(Math.abs(dot(cut.across, cut.down)) < 1e-12);
  assert.ok(Math.abs(Math.hypot(...normalOf(cut)) - 1) < 1e-12);
  assert.equal(letters(CUT).left, "R");
});

test("what one zooms about stays where it is seen", () => {
  const cut = zoomed(CUT, 2, [4, 2, 0]);
  assert.deepEqual(cut.focus_mm, [2, 1, 0]);
});

test("painted voxels go to runs and back, and no run crosses a row", () => {
  const labels = new Uint8Array(20).map((_, n) => (n >= 3 && n < 12 ? 1 : 0));
  assert.deepEqual(runsOf(labels, 5), [[3, 2], [5, 5], [10, 2]]);
  const back = new Uint8Array(20);
  fillRuns(back, runsOf(labels, 5));
  assert.deepEqual(back, labels);
});

test("a slab is looked through at least as finely as voxels lie", () => {
  const steps = slabSteps(1, 10);
  assert.ok(steps.length >= 10 && Math.abs(steps[0]! + steps.at(-1)!) < 1e-9);
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { gridOf } from "../src/model/reading/hanging";
import { meanInDisc } from "../src/model/reading/painting";
import { INITIAL_DESK, isJudged, toolFor, type Desk } from "../src/model/reading/state";
import { commitWords } from "../src/model/reading/words";
import { NO_TASK_WORK, NO_WORK, type TaskWork } from "../src/model/reading/work";
import { AXES, type Cut } from "../src/model/reading/cut";
import type { ReadingDesk } from "../src/reading/desk";
import type { VolumeNode } from "../src/wire/messages";
import type { Answer, ReadingNow, TaskView } from "../src/wire/training_messages";
import type { Control } from "../src/xr/panel";
import { typed } from "../src/xr/reading/keyboard";
import { readingControls } from "../src/xr/reading/pages";
import { FRESH, PANEL_SIZE, type Entry, type PanelDo, type PanelMemory } from "../src/xr/reading/parts";

const NODE = { shape: [10, 10, 8], spacing_mm: [1, 1, 3], patient_from_voxel: [1, 0, 0, -5, 0, 1, 0, -5, 0, 0, 3, -12, 0, 0, 0, 1], quantity: "HU", presets: [] } as unknown as VolumeNode;
const CUT: Cut = { volume: "ct", plane: "axial", ...AXES.axial, at_mm: [0, 0, 0], focus_mm: [0, 0, 0], zoom: 1, window: { preset: null, low: 0, high: 1 }, slab_mm: 0 };
const options = (count: number, text = "Option"): TaskView["options"] => Array.from({ length: count }, (_, index) => ({ id: `o${index}`, text: `${text} ${index}` }));
const LONG = "Describe what you see in the right lower lobe, how it has changed since the scan of two years ago, and what should be done next";

const BASE: TaskView = { id: "t", kind: "mark", scale: "detection", prompt: LONG, points: 1, asks_confidence: true, volume: "ct", options: [], fields: [], several: false, quantity: null, hints: [0.2], path: [] };
const field = (id: string, count: number, unit = ""): TaskView["fields"][number] => ({ id, prompt: `Feature ${id}`, options: options(count), unit });

/** A task of every kind, with an answer that it can have. */
const TASKS: readonly (readonly [string, Partial<TaskView>, Answer | null])[] = [
  ["mark", {}, null],
  ["measure", { kind: "measure", quantity: "diameter_mm" }, { kind: "measure", value: 12, ends_mm: null }],
  ["measure", { kind: "measure", quantity: "volume_ml" }, { kind: "measure", value: 12, ends_mm: null }],
  ["measure", { kind: "measure", quantity: "mean_value" }, { kind: "measure", value: 12, ends_mm: null }],
  ["segment", { kind: "segment" }, { kind: "segment", runs: [[0, 5]] }],
  ["box", { kind: "box" }, { kind: "box", low: [0, 0, 0], high: [1, 1, 1] }],
  ["classify", { kind: "classify", options: options(7), fields: [field("a", 9), field("b", 0, "mm")] }, { kind: "classify", category: "o1", features: { b: 3 } }],
  ["classify without a table", { kind: "classify", fields: [field("b", 0, "mm")] }, { kind: "classify", category: "4B", features: {} }],
  ["report", { kind: "report", fields: [field("a", 3), field("b", 20)] }, { kind: "report", fields: { a: "o1" } }],
  ["choice", { kind: "choice", options: options(30, "A long answer of more than so many letters as fit beside another") }, { kind: "choice", chosen: ["o1"] }],
  ["choice of several", { kind: "choice", several: true, options: options(9) }, { kind: "choice", chosen: ["o1", "o2"] }],
  ["order", { kind: "order", options: options(12) }, { kind: "order", items: options(12).map(({ id }) => id) }],
  ["text", { kind: "text" }, { kind: "text", text: `${LONG}. ${LONG}. ${LONG}.` }],
  ["manage", { kind: "manage", options: options(4) }, { kind: "manage", chosen: "o1" }],
  ["guide", { kind: "guide" }, { kind: "guide", path: [[0, 0, 0, 0]], nearest: null }],
  ["judged path", { kind: "guide", options: options(3), path: [[0, 0, 0, 0], [1, 1, 1, 1]] }, { kind: "guide", path: [], nearest: "o1" }],
];

function deskWith(part: Partial<TaskView>, work: Partial<TaskWork>): Desk {
  const reading = { id: "r", why: "You asked for it.", number: 1, planned: null, mode: "practice", case: { id: "c", version: "1.0.0", title: LONG, history: LONG, volumes: [{ id: "ct", title: "CT", role: "current", is_ready: true }], display: { presets: [], hanging: [] }, tasks: [{ ...BASE, ...part }, { ...BASE, id: "t2" }] }, next_event: 0, events: [], committed: [], hints: [{ task: "t", text: LONG }], is_revealed: false } as unknown as ReadingNow;
  const ruler = { volume: "ct", from_mm: [0, 0, 0], to_mm: [3, 0, 0] } as const;
  return { ...INITIAL_DESK, phase: "reading", reading, task: "t", cuts: [CUT], rulers: [ruler, ruler, ruler], studies: { ct: { state: "ready", fraction: 1, node: NODE } }, work: { ...NO_WORK, tasks: { t: { ...NO_TASK_WORK, ...work } } } };
}

function controls(state: Desk, memory: Partial<PanelMemory> = {}): readonly Control[] {
  const desk = { presets: () => [{ name: "Lung", low: -1350, high: 150 }] } as unknown as ReadingDesk;
  const act: PanelDo = { desk, remember: () => undefined, showMe: () => undefined, bringHere: () => undefined, leave: () => undefined, read_s: () => 65 };
  return readingControls(state, { ...FRESH, ...memory }, act);
}

function fits(all: readonly Control[], name: string): void {
  for (const { id, rect } of all) assert.ok(rect.x_mm >= 0 && rect.y_mm >= 0 && rect.x_mm + rect.w_mm <= PANEL_SIZE.width_mm && rect.y_mm + rect.h_mm <= PANEL_SIZE.height_mm, `${name}: ${id} leaves the panel`);
  const live = all.filter(({ kind }) => kind !== "caption");
  live.forEach((a, n) => live.slice(n + 1).forEach((b) => assert.ok(a.rect.x_mm + a.rect.w_mm <= b.rect.x_mm + 1e-6 || b.rect.x_mm + b.rect.w_mm <= a.rect.x_mm + 1e-6 || a.rect.y_mm + a.rect.h_mm <= b.rect.y_mm + 1e-6 || b.rect.y_mm + b.rect.h_mm <= a.rect.y_mm + 1e-6, `${name}: ${a.id} lies over ${b.id}`)));
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length, `${name}: two controls have one name`);
}

describe("the panel in the headset", () => {
  for (const [name, part, answer] of TASKS) {
    it(`fits ${name} before and after an answer, with a hint, on every page`, () => {
      const marks = [1, 2, 3].map((n) => ({ id: `m${n}`, at_mm: [n, 0, 0] as const, confidence: 0.5 }));
      for (const given of [null, answer && { answer, confidence: 0.5 }]) {
        for (const fieldIndex of [0, 1, 2]) {
          const state = deskWith(part, { given, hints: 1, marks: part.kind === undefined ? marks : [] });
          fits(controls(state, { field: fieldIndex }), name);
          assert.ok(controls(state).some(({ id }) => id === "commit"), name);
        }
        fits(controls(deskWith(part, { given, isCommitted: true })), `${name}, committed`);
      }
      fits(controls(deskWith(part, {}), { page: "tools" }), `tools of ${name}`);
    });
  }

  it("shows every option within its pages, whatever their number", () => {
    const [, part] = TASKS.find(([name]) => name === "choice")!;
    const seen = new Set<string>();
    for (let first = 0; first < 30; first += 1) for (const { id } of controls(deskWith(part, {}), { first })) if (id.startsWith("option-")) seen.add(id);
    assert.equal(seen.size, 30);
  });

  it("says what is known of the patient, and fits", () => fits(controls(deskWith({}, {}), { page: "case" }), "case"));

  it("fits the keyboard in each of its planes, and a number's keys", () => {
    for (const plane of ["small", "capital", "signs"] as const) {
      for (const keys of ["words", "number"] as const) {
        const entry: Entry = { task: "t", field: "text", title: LONG, text: `${LONG} ${LONG} ${LONG}`, keys, plane };
        fits(controls(deskWith({ kind: "text" }, {}), { entry }), `${keys} ${plane}`);
      }
    }
  });
});

describe("what is typed", () => {
  const write = (keys: string): Entry => keys.split("").reduce(typed, { task: "t", field: "text", title: "", text: "", keys: "words", plane: "capital" });
  it("begins sentences with a capital and goes on small", () => {
    assert.equal(write("").plane, "capital");
    assert.equal(write("A").plane, "small");
    assert.equal(write("A b. ").plane, "capital");
    assert.equal(write("A 3.5").plane, "small");
  });
  it("is taken back a letter at a time", () => assert.equal(typed(write("Ab"), "back").text, "A"));
});

describe("the wall", () => {
  it("leaves no cell empty and none used twice, up to six panes but for none", () => {
    for (const count of [1, 2, 3, 4, 5, 6]) {
      const { columns, rows, places } = gridOf(count);
      const cells = places.flatMap(({ column, row, span }) => Array.from({ length: span * span }, (_, n) => `${column + (n % span)},${row + Math.floor(n / span)}`));
      assert.equal(places.length, count);
      assert.equal(new Set(cells).size, columns * rows);
      assert.equal(cells.length, columns * rows);
    }
  });
  it("hangs the first of three large, and four alike", () => {
    assert.deepEqual(gridOf(3).places.map(({ span }) => span), [2, 1, 1]);
    assert.deepEqual(gridOf(4).places.map(({ span }) => span), [1, 1, 1, 1]);
  });
});

describe("answers", () => {
  it("of an order are the items as they stand", () => assert.equal(commitWords({ ...BASE, kind: "order" }, 0, null), "Commit this order"));
  it("judge a path where there is something to name, and lay one where there is not", () => {
    const laid: TaskView = { ...BASE, kind: "guide" };
    assert.equal(toolFor(laid), "path");
    assert.equal(toolFor({ ...laid, options: options(2) }), "point");
    assert.ok(isJudged({ ...laid, options: options(2) }));
  });
  it("average the voxels of the slice whose middles lie in the circle, and no other", () => {
    const value = (i: number, j: number, k: number): number | null => (k === 4 ? i + j : 1000);
    assert.equal(meanInDisc(value, NODE, CUT, [0, 0, 0], 2), 10);
    assert.equal(meanInDisc(() => null, NODE, CUT, [0, 0, 0], 2), null);
  });
});

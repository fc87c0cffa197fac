import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { demoScene } from "../src/demo/phantom";
import { openScene } from "../src/model/scene";
import { INITIAL_STATE, type State } from "../src/model/state";
import { addMeasurement, setRange, setTool } from "../src/model/view";
import { angleOf_deg, DESIGN_DISTANCE_M, lengthFor, panelScale, RAY_TARGET_DEG, TOUCH_TARGET_MM } from "../src/xr/legibility";
import { CAP_MM, slideTo, type Control, type Rect } from "../src/xr/panel";
import { PANEL_SIZE } from "../src/xr/panel_layout";
import { panelControls, type Page, type PanelIntents, type PanelView } from "../src/xr/panel_pages";

const PAGES: readonly Page[] = ["structures", "slice", "measure", "correct", "view"];

const SEEN: PanelView = {
  page: "structures",
  first: 0,
  scale: 1,
  slice: { on: true, carried: false, cutting: true },
  ruler: { on: true, prompt: "Now the other end" },
  correcting: "Painting Heart: trigger or pinch",
  frameTime: null,
  onWrist: false,
  guide: null,
  chosen: "",
  marginShape: ({ distance_mm, toward_mm }) => ({ distance_mm, toward_mm }),
};

/** Intents that only remember what was asked for. */
function recorder(): { asked: unknown[][]; intents: PanelIntents } {
  const asked: unknown[][] = [];
  const intents = new Proxy({}, { get: (_, name) => (...rest: unknown[]) => asked.push([name, ...rest]) });
  return { asked, intents: intents as PanelIntents };
}

/** A study with more structures than a page holds, six presets and measurements. */
function busyState(): State {
  const scene = demoScene();
  const [surface] = scene.nodes.filter((node) => node.kind === "surface");
  const more = Array.from({ length: 23 }, (_, n) => ({
    ...surface!,
    id: `extra-${n}`,
    structure: { ...surface!.structure, key: `extra-${n}`, name: `Contrast-filled vessel ${n}`, label: 40 + n },
  }));
  const volume = scene.nodes.find((node) => node.kind === "volume")!;
  const presets = ["Brain", "Liver", "Mediastinum"].map((name) => ({ name, low: 0, high: 80 }));
  const nodes = [...scene.nodes.filter((node) => node.kind === "surface"), ...more, { ...volume, presets: [...volume.presets, ...presets] }];
  const state = openScene(INITIAL_STATE, { ...scene, nodes });
  const length = { from_mm: [0, 0, 0], to_mm: [0, 0, 42], error_mm: 0.4, where: "headset" } as const;
  return [1, 2, 3, 4].reduce((so_far) => addMeasurement(so_far, length), state);
}

function controls(page: Page, view: Partial<PanelView> = {}, state = busyState()): Control[] {
  return panelControls(state, { ...SEEN, page, ...view }, recorder().intents);
}

function overlap(a: Rect, b: Rect): boolean {
  const apart = 1e-6;
  return (
    a.x_mm + a.w_mm > b.x_mm + apart && b.x_mm + b.w_mm > a.x_mm + apart &&
    a.y_mm + a.h_mm > b.y_mm + apart && b.y_mm + b.h_mm > a.y_mm + apart
  );
}

describe("legibility", () => {
  it("turns angles into lengths and back", () => {
    assert.ok(Math.abs(angleOf_deg(lengthFor(0.8, 0.6), 0.6) - 0.8) < 1e-9);
    assert.ok(Math.abs(lengthFor(90, 1) - 2) < 1e-12);
  });

  it("keeps body text at 0.8° or more and labels at 0.5° or more wherever a panel stands", () => {
    for (const distance_m of [0.6, 0.72, 0.9, 1.2]) {
      const scale = panelScale(distance_m);
      assert.ok(angleOf_deg((CAP_MM.body / 1000) * scale, distance_m) >= 0.8 - 1e-9);
      assert.ok(angleOf_deg((CAP_MM.label / 1000) * scale, distance_m) >= 0.5);
    }
  });

  it("never shrinks a panel that comes nearer than it is drawn for", () => {
    assert.equal(panelScale(0.3), 1);
  });
});

const CASES: readonly (readonly [name: string, page: Page, state: State])[] = [
  ...PAGES.map((page) => [page, page, busyState()] as const),
  ["correct (by value)", "correct", setTool(busyState(), "threshold")],
];

for (const [name, page, state] of CASES) {
  describe(`the ${name} page`, () => {
    it("has targets large enough for a fingertip and for a ray, at the nearest and the farthest it stands", () => {
      for (const { kind, id, rect } of controls(page, {}, state)) {
        if (kind === "caption") continue;
        const side_mm = Math.min(rect.w_mm, rect.h_mm);
        assert.ok(side_mm >= TOUCH_TARGET_MM, `${id} is ${side_mm} mm`);
        const angle = angleOf_deg(side_mm / 1000, DESIGN_DISTANCE_M);
        assert.ok(angle >= RAY_TARGET_DEG, `${id} fills ${angle}°`);
      }
    });

    it("keeps everything on the panel, nothing over anything else", () => {
      const all = controls(page, {}, state);
      all.forEach(({ id, rect }, index) => {
        assert.ok(rect.x_mm >= 0 && rect.x_mm + rect.w_mm <= PANEL_SIZE.width_mm, id);
        assert.ok(rect.y_mm >= 0 && rect.y_mm + rect.h_mm <= PANEL_SIZE.height_mm, id);
        for (const other of all.slice(index + 1)) assert.ok(!overlap(rect, other.rect), `${id} lies over ${other.id}`);
      });
    });

    it("offers true size, reset and a way out", () => {
      const ids = controls(page, {}, state).map(({ id }) => id);
      assert.deepEqual(["true-size", "reset", "leave"].filter((id) => !ids.includes(id)), []);
    });

    it("names every control once", () => {
      const ids = controls(page, {}, state).map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length);
    });
  });
}

describe("what presses ask for", () => {
  it("is what the control says", () => {
    const { asked, intents } = recorder();
    const pressed = (page: Page, id: string): void => {
      const control = panelControls(busyState(), { ...SEEN, page }, intents).find((each) => each.id === id)!;
      if (control.kind === "press") control.press();
    };
    pressed("structures", "structure-heart");
    pressed("slice", "preset-Lung");
    pressed("slice", "plane-axial");
    pressed("view", "face-left");
    pressed("view", "true-size");
    pressed("measure", "remove-4");
    assert.deepEqual(asked, [
      ["toggleStructure", "heart"], ["usePreset", "Lung"], ["standOn", "axial"], ["face", "left"], ["setScale", 1], ["removeMeasurement", "4"],
    ]);
  });

  it("keeps the lowest value below the highest", () => {
    const state = setRange(setTool(busyState(), "threshold"), 0, 100);
    const { asked, intents } = recorder();
    for (const [id, to] of [["lowest", 1], ["highest", 0]] as const) {
      const control = panelControls(state, { ...SEEN, page: "correct" }, intents).find((each) => each.id === id)!;
      if (control.kind === "slider") control.slide(to);
    }
    const [least, most] = [Math.min(0, ...asked[1]!.slice(1) as number[]), asked[0]![1] as number];
    assert.deepEqual(asked, [["setRange", most, most], ["setRange", least, least]]);
    assert.ok(least < 0 && most > 100);
  });

  it("turns through every structure, and not past the last", () => {
    const seen = new Set<string>();
    let first = 0;
    for (let turns = 0; turns < 20; turns += 1) {
      for (const { id } of controls("structures", { first })) if (id.startsWith("structure-")) seen.add(id);
      const { asked, intents } = recorder();
      const next = panelControls(busyState(), { ...SEEN, first }, intents).find((each) => each.id === "next");
      if (next?.kind !== "press" || next.disabled) break;
      next.press();
      first = asked[0]![1] as number;
    }
    assert.equal(seen.size, 29);
  });

  it("says what to do where a study has nothing to show", () => {
    const words = PAGES.map((page) => controls(page, {}, INITIAL_STATE)).flat().map(({ text }) => text);
    assert.ok(words.includes("No structures yet: open a study on the page"));
    assert.ok(words.includes("This study has no voxels to slice"));
  });

  it("slides from end to end of its track", () => {
    const track = { x_mm: 100, y_mm: 0, w_mm: 70, h_mm: 26 };
    assert.deepEqual([90, 105, 135, 165, 180].map((x) => slideTo(track, x)), [0, 0, 0.5, 1, 1]);
  });
});

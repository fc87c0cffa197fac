import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { BANDS, GUIDANCE, guidedScene, pose, reading } from "./guiding_fixture";
import { bandsFault } from "../src/model/bands";
import { MarginHand } from "../src/model/margin_hand";
import { towardOf, withDistance, withSide, type MarginShape } from "../src/model/margin_shape";
import { guessOf, guessWords, movedBy, movedText } from "../src/model/moved_tissue";
import { Poses } from "../src/model/poses";
import { receiveScene } from "../src/model/scene";
import { Readings, sightOf } from "../src/model/sight";
import { INITIAL_STATE, type State } from "../src/model/state";
import { panelControls, type GuideView, type PanelIntents, type PanelView } from "../src/xr/panel_pages";
import type { Guidance, MarginBand, MovedTissue, Scene } from "../src/wire/messages";

describe("a margin by side", () => {
  const even: MarginShape = { distance_mm: 5, toward_mm: null };
  const uneven: MarginShape = { distance_mm: 3, toward_mm: [3, 3, 5, 3, 0, 3] };

  it("starts from what it is all round, and changes one side alone", () => {
    assert.deepEqual(withSide(even, 2, 8), { distance_mm: 5, toward_mm: [5, 5, 8, 5, 5, 5] });
    assert.deepEqual(towardOf(even), [5, 5, 5, 5, 5, 5]);
  });
  it("moves as a whole with all its differences", () => assert.deepEqual(withDistance(uneven, 4), { distance_mm: 4, toward_mm: [4, 4, 6, 4, 1, 4] }));
  it("moves as a whole without sides where it has none", () => assert.deepEqual(withDistance(even, -2), { distance_mm: -2, toward_mm: null }));
  it("never goes out on one side and in on another, which the server would refuse", () => {
    assert.deepEqual(withSide(uneven, 0, -4).toward_mm, [0, 3, 5, 3, 0, 3]);
    assert.deepEqual(withSide({ distance_mm: -3, toward_mm: null }, 5, 4).toward_mm, [-3, -3, -3, -3, -3, 0]);
    for (let mm = -60; mm <= 60; mm += 1) {
      const toward = withDistance(uneven, mm).toward_mm!;
      assert.ok(Math.min(...toward) >= 0 || Math.max(...toward) <= 0, `${mm}`);
      assert.ok(toward.every((each) => Math.abs(each) <= 50));
    }
  });
  it("may cross the surface on one side where all others lie on it", () => assert.equal(withSide({ distance_mm: 0, toward_mm: null }, 1, -2).toward_mm![1], -2));
});

describe("distances at which warnings begin", () => {
  it("are asked for where one lies within the other", () => assert.equal(bandsFault(BANDS), ""));
  for (const [says, bands] of [
    ["risk begins before near", { near_mm: 2, risk_mm: 5, breach_mm: 0 }],
    ["two begin at one place", { near_mm: 2, risk_mm: 2, breach_mm: 0 }],
    ["inside begins before risk", { near_mm: 5, risk_mm: 2, breach_mm: 3 }],
    ["one was left empty", { near_mm: 5, risk_mm: Number.NaN, breach_mm: 0 }],
    ["near lies within the structure", { near_mm: 0, risk_mm: -1, breach_mm: -2 }],
    ["one is beyond what the wire holds", { near_mm: 101, risk_mm: 2, breach_mm: 0 }],
  ] as const) it(`are not asked for where ${says}, and words say why`, () => assert.match(bandsFault(bands), /^.{10,}\.$/));
});

const MOVED: MovedTissue = { points: [{ scan_mm: [0, 0, 0], now_mm: [0, 3, 4] }], applied: true, words: "moved by up to 5 mm; between them a guess" };

function deformedScene(moved: MovedTissue | null): Scene {
  const scene = guidedScene({ moved, structures: [{ node: "surface-heart", name: "Heart", bands: BANDS, error_mm: 0.1, ready: true }] });
  const nodes = scene.nodes.map((node) => (node.kind === "surface" && node.id === "surface-heart" && moved?.applied
    ? { ...node, structure: { ...node.structure, provenance: { ...node.structure.provenance, parameters: { deformed: moved.words } } } }
    : node));
  return { ...scene, nodes };
}

describe("a margin in the hand", () => {
  const inHand = (shape: MarginShape): { hand: MarginHand; sent: MarginShape[]; readonly wait: (ms: number) => void } => {
    const sent: MarginShape[] = [];
    let now_ms = 0;
    const hand = new MarginHand((asked) => sent.push(asked), () => now_ms);
    hand.follow(shape);
    return { hand, sent, wait: (ms) => void (now_ms += ms) };
  };

  it("is not moved by an answer to where it was, until the hand has let go for a while", () => {
    const { hand, sent, wait } = inHand({ distance_mm: 5, toward_mm: null });
    wait(1000);
    hand.whole(8);
    hand.follow({ distance_mm: 6, toward_mm: null });
    assert.equal(hand.shape.distance_mm, 8);
    wait(1000);
    hand.follow({ distance_mm: 6, toward_mm: null });
    assert.equal(hand.shape.distance_mm, 6);
    assert.deepEqual(sent, [{ distance_mm: 8, toward_mm: null }]);
  });
  it("brings back the sides that stopped at the surface, as long as it is held", () => {
    const { hand, wait } = inHand({ distance_mm: 3, toward_mm: [3, 3, 5, 3, 0, 3] });
    wait(1000);
    hand.whole(1);
    hand.whole(3);
    assert.deepEqual(hand.shape.toward_mm, [3, 3, 5, 3, 0, 3]);
  });
});

describe("soft tissue that moved", () => {
  const see = (moved: MovedTissue | null): ReturnType<typeof sightOf> => {
    const [readings, poses] = [new Readings(), new Poses()];
    readings.take(reading());
    poses.take(pose());
    return sightOf(deformedScene(moved), readings, poses, { hub_s: 100.01, member: "me", seesThrough: false });
  };

  it("is said to be a guess wherever distances are, as long as it is drawn moved", () => {
    assert.equal(see(MOVED)!.guess, "Guess: moved by up to 5 mm; between them a guess");
    assert.equal(see({ ...MOVED, applied: false })!.guess, "");
    assert.equal(see(null)!.guess, "");
  });
  it("is said to be a guess though the server has no words for it", () => assert.match(guessWords({ ...MOVED, words: "" }), /^Guess: /));
  it("marks the structures that were moved, and no others", () => {
    assert.deepEqual([MOVED, null].map((moved) => see(moved)!.tools[0]!.distances[0]!.guessed), [true, false]);
    const marked = deformedScene(MOVED).nodes.flatMap((node) => (node.kind === "surface" && guessOf(node) ? [node.id] : []));
    assert.deepEqual(marked, ["surface-heart"]);
  });
  it("tells how far a point moved to what the registration can know", () => {
    const known = (error_mm: number): Guidance => ({ ...GUIDANCE, accuracy: { ...GUIDANCE.accuracy!, expected: [{ name: "", patient_mm: [0, 0, 0], error_mm }] } });
    assert.equal(movedBy(MOVED.points[0]!, known(1.2)), "5 mm");
    assert.equal(movedBy(MOVED.points[0]!, known(0.3)), "5.0 mm");
  });
  it("has words before anything was touched", () => assert.match(movedText(null), /^Tissue is drawn/));
});

describe("the guide page of the panel in the headset", () => {
  const GUIDE: GuideView = { landmark: null, done: new Set(), words: "", overlayTime: "", pointing: false };
  const VIEW: PanelView = { page: "guide", first: 0, scale: 1, chosen: "", marginShape: ({ distance_mm, toward_mm }) => ({ distance_mm, toward_mm }), slice: { on: false, carried: false, cutting: false }, ruler: { on: false, prompt: "" }, correcting: "", frameTime: null, onWrist: false, guide: GUIDE };
  const ways = [1, 2, 3].map((n) => ({ ...GUIDANCE.trajectories[0]!, id: `way-${n}` }));
  const landmark = (n: number): Guidance["landmarks"][number] => ({ id: `l${n}`, name: `Landmark ${n}`, patient_mm: [0, 0, 0], use: "register", state: "waiting", off_mm: null, expected_mm: null, words: "" });

  function page(changes: Partial<Guidance>, may: NonNullable<State["self"]>["may"] = ["register", "set_margin"], view: Partial<PanelView> = {}): { ids: string[]; press(id: string): unknown[]; slide(id: string, to: number): unknown[] | undefined; text(id: string): string; disabled(id: string): boolean; overlaps: boolean } {
    const asked: unknown[][] = [];
    const intents = new Proxy({}, { get: (_, name) => (...rest: unknown[]) => asked.push([name, ...rest]) }) as PanelIntents;
    const state = { ...receiveScene(INITIAL_STATE, guidedScene(changes)), self: { member: "me", role: "surgeon" as const, may } };
    const all = panelControls(state, { ...VIEW, ...view }, intents);
    const find = (id: string): (typeof all)[number] => all.find((each) => each.id === id)!;
    return {
      ids: all.map(({ id }) => id),
      press: (id) => {
        const control = find(id);
        if (control.kind === "press") control.press();
        return asked.at(-1)!;
      },
      slide: (id, to) => {
        const control = find(id);
        if (control.kind === "slider") control.slide(to);
        return asked.at(-1);
      },
      text: (id) => find(id).text,
      disabled: (id) => (find(id) as { disabled?: boolean }).disabled === true,
      overlaps: all.some((a, n) => all.slice(n + 1).some((b) => a.rect.x_mm < b.rect.x_mm + b.rect.w_mm - 1e-6 && b.rect.x_mm < a.rect.x_mm + a.rect.w_mm - 1e-6 && a.rect.y_mm < b.rect.y_mm + b.rect.h_mm - 1e-6 && b.rect.y_mm < a.rect.y_mm + a.rect.h_mm - 1e-6)),
    };
  }

  it("begins to trace the skin, counts, and registers from it", () => {
    const landmarks = [1, 2, 3, 4].map(landmark);
    assert.deepEqual(page({ step: "register", landmarks }).press("trace"), ["trace", "start"]);
    const tracing = page({ step: "register", landmarks, traced: 214 });
    assert.equal(tracing.text("trace"), "Register (214 points)");
    assert.deepEqual(tracing.press("trace"), ["trace", "stop"]);
    assert.ok(page({ step: "register", landmarks }, ["look"]).disabled("trace"));
  });
  it("shows the words of moved tissue as a guess, moves it and puts it back, and keeps the chosen way", () => {
    const moved = page({ moved: MOVED, trajectories: ways, chosen: "way-2" });
    assert.deepEqual([moved.text("moved"), moved.text("moved-more")], ["Guess: moved by up to 5 mm;", "between them a guess"]);
    assert.deepEqual(moved.ids.filter((id) => id.startsWith("way-")), ["way-way-2", "way-way-1"]);
    const tissue = page({ moved: MOVED }, undefined, { page: "tissue" });
    assert.deepEqual([tissue.press("move-tissue"), tissue.press("put-back")], [["deform", "apply"], ["deform", "forget"]]);
    assert.ok(page({ moved: MOVED }, ["register"], { page: "tissue" }).disabled("move-tissue"));
  });
  it("touches again what a slice shows, and only where one stands", () => {
    const slice = { on: true, carried: false, cutting: false };
    assert.deepEqual(page({}, undefined, { page: "tissue", slice }).press("retouch"), ["togglePointing"]);
    assert.ok(page({}, undefined, { page: "tissue" }).disabled("retouch"));
    assert.ok(page({}, ["look"], { page: "tissue", slice }).disabled("retouch"));
  });
  const BAND: MarginBand = { id: "m1", name: "Margin", distance_mm: 5, toward_mm: null, node: null, volume_ml: null };
  it("sets a margin whole and by its sides", () => {
    const whole = page({ margins: [BAND] }, undefined, { page: "margins" });
    assert.equal(whole.text("margin-m1"), "Margin  5.0 mm");
    assert.deepEqual(whole.slide("margin-m1", 1), ["setMargin", BAND, 20]);
    assert.deepEqual(whole.press("sides-m1"), ["openSides", "m1"]);
    const sides = page({ margins: [BAND] }, undefined, { page: "sides", chosen: "m1" });
    assert.deepEqual(sides.ids.filter((id) => id.startsWith("side-")).length, 6);
    assert.deepEqual(sides.slide("side-3", 0.5), ["setSide", BAND, 3, 5]);
    assert.ok(sides.disabled("even"));
    assert.ok(!page({ margins: [{ ...BAND, toward_mm: [5, 5, 5, 8, 5, 5] }] }, undefined, { page: "sides", chosen: "m1" }).disabled("even"));
  });
  it("shows a margin that a person may not set, and lets it not be set", () => {
    const seen = page({ margins: [BAND] }, ["look"], { page: "margins" });
    assert.equal(seen.text("margin-m1"), "Margin  5.0 mm");
    assert.equal(seen.slide("margin-m1", 1), undefined);
  });
  it("sets where warnings begin, and never out of their order", () => {
    assert.deepEqual(page({}, undefined, { page: "warnings" }).press("bands-b"), ["openBands", "b"]);
    const bands = page({}, undefined, { page: "bands", chosen: "a" });
    assert.deepEqual(bands.slide("band-near_mm", 1), ["setBands", "a", { near_mm: 20, risk_mm: 2, breach_mm: 0 }]);
    assert.deepEqual(bands.slide("band-risk_mm", 1)?.[2], { near_mm: 20, risk_mm: 2, breach_mm: 0 });
  });
  it("says so when what a page is of has gone, and leads back", () => {
    const gone = page({}, undefined, { page: "sides", chosen: "m9" });
    assert.equal(gone.text("none"), "This margin is gone");
    assert.deepEqual(gone.press("back"), ["turnTo", "margins"]);
  });
  it("has room for all of it", () => {
    const bands = [1, 2, 3, 4, 5, 6].map((n) => ({ ...BAND, id: `m${n}` }));
    for (const name of ["margins", "sides", "warnings", "bands", "tissue"] as const) assert.ok(!page({ margins: bands, moved: MOVED }, undefined, { page: name, chosen: name === "bands" ? "a" : "m1" }).overlaps, name);
    for (const changes of [{ moved: MOVED, trajectories: ways }, { trajectories: ways }, { step: "register", landmarks: [1, 2, 3, 4].map(landmark), traced: 3 }] as const) assert.ok(!page(changes).overlaps);
  });
});

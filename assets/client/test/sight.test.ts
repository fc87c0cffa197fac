import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { guidedScene, pose, reading, row } from "./guiding_fixture";
import { Poses } from "../src/model/poses";
import { anatomyWords, byNearness, Readings, sightOf, type Looker, type Sight } from "../src/model/sight";
import type { Pose, Reading } from "../src/wire/binary";
import type { Scene } from "../src/wire/messages";

const ON_PAGE: Looker = { hub_s: 100.01, member: "me", seesThrough: false };
const PLACED = { member: "me", patient_from_world: [], error_mm: 2, verified: true };

function see(change: { scene?: Scene; reading?: Reading | null; pose?: Pose; looker?: Partial<Looker> } = {}): Sight {
  const [readings, poses] = [new Readings(), new Poses()];
  if (change.reading !== null) readings.take(change.reading ?? reading());
  poses.take(change.pose ?? pose());
  return sightOf(change.scene ?? guidedScene(), readings, poses, { ...ON_PAGE, ...change.looker })!;
}

const numbers = (sight: Sight): (number | null)[] => sight.tools[0]!.distances.map(({ known }) => known?.distance_mm ?? null);

describe("numbers of a guidance session", () => {
  it("are there while all that they hang on is known", () => assert.deepEqual(numbers(see()), [10, 4, 7]));

  const withheld: readonly (readonly [says: string, sight: () => Sight])[] = [
    ["the reading is of another revision", () => see({ reading: reading({ revision: 2 }) })],
    ["the reading is of another registration", () => see({ reading: reading({ epoch: 1 }) })],
    ["the reading is too old", () => see({ looker: { hub_s: 100.2 } })],
    ["the tool is lost", () => see({ reading: reading({ why: "the tool is not tracked", rows: [] }) })],
    ["the reference is lost, whatever the tool says", () => see({ reading: reading({ referenceWhy: "the reference on the patient is not tracked" }) })],
    ["the newest pose says that the tool is lost", () => see({ pose: pose({ isTracked: false }) })],
    ["the patient is not registered, whatever is read", () => see({ scene: guidedScene({ accuracy: null }) })],
    ["the registration was not checked", () => see({ scene: guidedScene({}, false) })],
    ["the device is silent", () => see({ scene: guidedScene({ device: { name: "", state: "silent", words: "", simulated: false } }) })],
    ["the hub's time is not known", () => see({ looker: { hub_s: null } })],
    ["nothing was ever read", () => see({ reading: null })],
  ];
  for (const [says, sight] of withheld) {
    it(`are none where ${says}, and words say why`, () => {
      assert.deepEqual(numbers(sight()), [null, null, null]);
      for (const { words } of sight().tools[0]!.distances) assert.match(words, /^[A-Z]/);
    });
  }

  it("are withheld of one structure alone where only that one is not known", () => {
    const rows = [row(10), row(0, { why: "the structure is not ready" }), row(7)];
    const [, second] = see({ reading: reading({ rows }) }).tools[0]!.distances;
    assert.deepEqual(numbers(see({ reading: reading({ rows }) })), [10, null, 7]);
    assert.equal(second!.words, "The structure is not ready");
  });

  it("age by themselves when nothing comes, and faster while the tool moves", () => {
    const [readings, poses] = [new Readings(), new Poses()];
    readings.take(reading());
    poses.take(pose({ time_s: 99.9, position_mm: [0, 0, 0] }));
    poses.take(pose({ time_s: 100, position_mm: [30, 0, 0] })); // 300 mm/s: 20 ms are 6 mm
    assert.equal(sightOf(guidedScene(), readings, poses, { ...ON_PAGE, hub_s: 100.02 })!.tools[0]!.told.shown, "stale");
  });

  it("give an alignment only while the tool is known", () => {
    assert.ok(Math.abs(see().alignment!.lateral_mm - Math.hypot(1, 2)) < 1e-9);
    assert.equal(see({ reading: reading({ why: "the tool is not tracked" }) }).alignment, null);
  });
});

describe("what stands on the patient", () => {
  const over = { seesThrough: true };
  const placed = (verified: boolean): Scene => guidedScene({ headsets: [{ ...PLACED, verified }] });

  it("is verified while the reference is seen and the registration checked", () => assert.equal(see().anatomy.shown, "verified"));
  it("goes at once over the patient when the reference is lost, and stays beside as stale", () => {
    const lost = reading({ referenceWhy: "the reference on the patient is not tracked" });
    assert.equal(see({ scene: placed(true), reading: lost, looker: over }).anatomy.shown, "hidden");
    assert.equal(see({ reading: lost }).anatomy.shown, "stale");
  });
  it("goes over the patient within 150 ms of silence", () => {
    assert.equal(see({ scene: placed(true), looker: { ...over, hub_s: 100.1 } }).anatomy.shown, "verified");
    assert.equal(see({ scene: placed(true), looker: { ...over, hub_s: 100.151 } }).anatomy.shown, "hidden");
  });
  it("is never better than stale where the headset's own touch was not checked", () => {
    const sight = see({ scene: placed(false), looker: over });
    assert.equal(sight.anatomy.shown, "stale");
    assert.equal(anatomyWords(sight), "Stale: the registration was not checked on the patient");
  });
  it("is not taken for over the patient in a headset that does not know where the patient lies", () => assert.equal(see({ looker: over }).overPatient, false));
  it("is hidden over a patient whose registration was not checked", () => {
    assert.equal(see({ scene: { ...placed(true), registration: { ...placed(true).registration!, verified: false } }, looker: over }).anatomy.shown, "hidden");
  });
  it("is ageing once a check is due", () => assert.equal(see({ scene: guidedScene({ accuracy: { ...guidedScene().guidance!.accuracy!, due_s: 50 } }) }).anatomy.shown, "ageing"));
  it("claims nothing on a screen before anything is registered", () => assert.equal(see({ scene: guidedScene({ accuracy: null }), reading: null }).anatomy.shown, "verified"));
});

describe("the order of distances", () => {
  const order = (sight: Sight, before: readonly string[] = []): string[] => byNearness(sight.tools[0]!.distances, before).map(({ node }) => node);
  it("has the nearest first", () => assert.deepEqual(order(see()), ["b", "c", "a"]));
  it("has the most urgent before the nearest", () => assert.deepEqual(order(see({ reading: reading({ rows: [row(10, { level: 2 }), row(4), row(7)] }) })), ["a", "b", "c"]));
  it("does not change for less than a millimetre", () => assert.deepEqual(order(see({ reading: reading({ rows: [row(4.5), row(4), row(9)] }) }), ["a", "b", "c"]), ["a", "b", "c"]));
  it("stays as it was while nothing is known", () => assert.deepEqual(order(see({ reading: reading({ why: "the tool is not tracked", rows: [] }) }), ["c", "a", "b"]), ["c", "a", "b"]));
});

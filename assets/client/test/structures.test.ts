import assert from "node:assert/strict";
import { test } from "node:test";

import { demoScene } from "../src/demo/phantom";
import { openScene } from "../src/model/scene";
import { INITIAL_STATE } from "../src/model/state";
import { isShown, resetStructures, setOpacity, setVisible, showAll, toggleSolo, toggleVisible } from "../src/model/structures";

const opened = openScene(INITIAL_STATE, demoScene());

test("a new scene shows every structure with its own opacity", () => {
  assert.equal(isShown(opened, "body"), true);
  assert.equal(opened.structures["body"]?.opacity, 0.18);
});

test("a solid whole stands back behind its parts, and a veil does not", () => {
  const scene = demoScene();
  const nodes = scene.nodes.map((node) => {
    if (node.kind !== "surface" || !["body", "bone"].includes(node.structure.key)) return node;
    return { ...node, structure: { ...node.structure, parts: ["lung_left"] } };
  });
  const shown = openScene(INITIAL_STATE, { ...scene, nodes });
  assert.deepEqual(["body", "bone", "lung_left"].map((key) => isShown(shown, key)), [true, false, true]);
});

test("opacity stays within 0 and 1", () => {
  assert.equal(setOpacity(opened, "bone", 7).structures["bone"]?.opacity, 1);
  assert.equal(setOpacity(opened, "bone", -1).structures["bone"]?.opacity, 0);
});

test("a change to an unknown structure changes nothing", () => {
  assert.equal(setVisible(opened, "tail", false), opened);
});

test("solo hides all others and gives them back", () => {
  const solo = toggleSolo(opened, "bone");
  assert.equal(isShown(solo, "bone"), true);
  assert.equal(isShown(solo, "body"), false);
  assert.equal(isShown(toggleSolo(solo, "bone"), "body"), true);
});

test("asking for a structure hidden by solo ends the solo and shows it", () => {
  const both = toggleVisible(toggleSolo(setVisible(opened, "body", false), "bone"), "body");
  assert.equal(both.solo, null);
  assert.equal(isShown(both, "body"), true);
});

test("hiding the soloed structure hides it and ends the solo", () => {
  const hidden = toggleVisible(toggleSolo(opened, "bone"), "bone");
  assert.equal(isShown(hidden, "bone"), false);
  assert.equal(isShown(hidden, "body"), true);
});

test("reset undoes every change of structures", () => {
  const changed = toggleSolo(setOpacity(showAll(opened, false), "bone", 0.2), "body");
  assert.deepEqual(resetStructures(changed).structures, opened.structures);
  assert.equal(resetStructures(changed).solo, null);
});

// Keys of the page, in one table; the same table is the help.

import type { Actions } from "./actions";
import { element } from "./element";
import { PANE_KEYS } from "./pane";
import { volumeOf } from "../model/scene";
import type { AppStore, State } from "../model/state";
import { applyPreset, fillPane, resizeBrush, select, setFollowsTip, setLabelsOnSlices, setSlicesIn3d, setTool, toggleTool } from "../model/view";

export interface PageSwitches {
  theme(): void;
  help(): void;
  panel(side: "left" | "right"): void;
}

function nextPreset(state: State): State {
  const presets = volumeOf(state.scene)?.presets ?? [];
  const index = presets.findIndex((preset) => preset.name === state.view.window?.preset);
  const next = presets[(index + 1) % presets.length];
  return next ? applyPreset(state, next.name) : state;
}

/** One step back: the message, the measuring point, the tool, the filled pane, the selection. */
function stepBack(state: State): State {
  const { view } = state;
  if (state.failure) return { ...state, failure: null };
  if (view.tool !== "navigate") return setTool(state, view.pending_mm ? view.tool : "navigate");
  if (view.filled) return fillPane(state, view.filled);
  return select(state, null);
}

const HELP: readonly (readonly [string, string])[] = [
  ["1  2  3  4", "3-D, axial, coronal or sagittal alone; again: all four"],
  ["Arrows, Page", "in a slice: scroll, Home and End to either end; in 3-D: turn"],
  ["Shift + arrows", "in a slice: move the crosshair"],
  ["+  −", "in 3-D: nearer, farther"],
  ["M", "measure a distance: two clicks on a slice or in 3-D, or Enter at the crosshair"],
  ["B  E  V", "brush, eraser, values in a box: correct the chosen structure on a slice"],
  [",  .", "smaller, larger brush, shallower, deeper box"],
  ["Ctrl + Z  Y", "take a stroke back, do it again"],
  ["W", "next window; right drag on a slice sets it by hand"],
  ["P", "slices in 3-D"],
  ["L", "structure colours on slices"],
  ["O  F", "while something is guided: overlay on or off, slices follow the tip"],
  ["Q", "silence the alarm"],
  ["R", "reset the view"],
  ["[  ]", "left and right panel"],
  ["T", "dark or light"],
  ["Esc", "one step back"],
  ["Ctrl + wheel", "zoom slices; middle drag moves them"],
  ["Fingers", "on a slice: tap to point, drag to scroll or to correct, two to zoom and move"],
];

export function createHelp(checkDisplay: () => void): HTMLDialogElement {
  const rows = HELP.flatMap(([keys, does]) => [element("dt", {}, element("kbd", {}, keys)), element("dd", {}, does)]);
  const dialog = element(
    "dialog",
    { class: "help", "aria-label": "Keys" },
    element("h2", {}, "Keys"),
    element("dl", {}, ...rows),
    element("p", { class: "hint" }, "Slices are shown in radiological convention: the patient's right is on the left."),
    element("form", { method: "dialog" }, element("button", { class: "text", type: "button", onclick: checkDisplay }, "Check this display"), element("button", { class: "button primary", autofocus: true }, "Close")),
  );
  return dialog;
}

const TYPING = new Set(["text", "search", "number"]);

export function listenToKeys(store: AppStore, actions: Actions, switches: PageSwitches): void {
  const table: Readonly<Record<string, () => void>> = {
    m: () => store.update((s) => toggleTool(s, "measure")),
    w: () => store.update(nextPreset),
    p: () => store.update((s) => setSlicesIn3d(s, !s.view.slicesIn3d)),
    l: () => store.update((s) => setLabelsOnSlices(s, !s.view.labelsOnSlices)),
    o: () => store.update((s) => (s.scene?.guidance ? { ...s, overlayOn: !s.overlayOn } : s)),
    f: () => store.update((s) => (s.scene?.guidance ? setFollowsTip(s, !s.view.followsTip) : s)),
    q: () => {
      if (store.get().scene?.alerts.some((alert) => alert.sounds)) actions.guide({ kind: "quiet", alert: null, how: "silence" });
    },
    r: () => actions.resetView(),
    t: () => switches.theme(),
    b: () => store.update((s) => toggleTool(s, "brush")),
    e: () => store.update((s) => toggleTool(s, "eraser")),
    v: () => store.update((s) => toggleTool(s, "threshold")),
    ",": () => store.update((s) => resizeBrush(s, -1)),
    ".": () => store.update((s) => resizeBrush(s, 1)),
    "?": () => switches.help(),
    "[": () => switches.panel("left"),
    "]": () => switches.panel("right"),
    Escape: () => store.update(stepBack),
    ...Object.fromEntries(Object.entries(PANE_KEYS).map(([key, pane]) => [key, () => store.update((s) => fillPane(s, pane))])),
  };
  window.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && ["z", "y"].includes(event.key.toLowerCase()) && store.get().scene !== null) {
      event.preventDefault();
      actions.step(event.key.toLowerCase() === "y" || event.shiftKey ? "redo" : "undo");
      return;
    }
    const target = event.target;
    const typing = target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && TYPING.has(target.type));
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (store.get().scene === null && !["t", "?", "[", "]", "Escape"].includes(event.key)) return;
    table[event.key.length === 1 ? event.key.toLowerCase() : event.key]?.();
  });
}

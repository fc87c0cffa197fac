// What a hand that corrects needs within reach: which tool, how large, which values, and a way back.

import type { Actions } from "./actions";
import { element } from "./element";
import type { IconName } from "./icon";
import { toggleButton } from "./toolbar";
import { volumeOf } from "../model/scene";
import type { AppStore, Tool } from "../model/state";
import { BRUSH_MM, isCorrecting, rangeOf, setBrush, setRange, setTool } from "../model/view";

const TOOLS: readonly (readonly [tool: Tool, icon: IconName, label: string, text: string, key: string])[] = [
  ["brush", "brush", "Paint", "Paint", "B"],
  ["eraser", "eraser", "Erase", "Erase", "E"],
  ["threshold", "box", "Values in a box", "By value", "V"],
];

export function createCorrectBar(store: AppStore, actions: Actions): HTMLElement {
  const tools = TOOLS.map(([tool, name, label, text, key]) => ({ tool, toggle: toggleButton(name, label, key, () => store.update((s) => setTool(s, tool)), text) }));
  const size = element("input", {
    type: "range",
    min: 2 * BRUSH_MM.least,
    max: 2 * BRUSH_MM.most,
    step: 1,
    "aria-label": "Width of the tool in millimetres",
    title: "Width (, and .)",
    oninput: () => store.update((s) => setBrush(s, size.valueAsNumber / 2)),
  });
  const value = (label: string, set: (low: number, high: number, to: number) => [number, number]): HTMLInputElement => {
    const input = element("input", {
      type: "number",
      class: "value",
      "aria-label": label,
      onchange: () => {
        const range = rangeOf(store.get());
        if (range && Number.isFinite(input.valueAsNumber)) store.update((s) => setRange(s, ...set(...range, input.valueAsNumber)));
      },
    });
    return input;
  };
  const low = value("Lowest value", (_low, high, to) => [to, Math.max(high, to)]);
  const high = value("Highest value", (least, _high, to) => [Math.min(least, to), to]);
  const unit = element("span", { class: "quiet-text" });
  const range = element("span", { class: "range" }, low, element("span", { class: "quiet-text" }, "to"), high, unit);
  const bar = element(
    "div",
    { class: "correct-bar", role: "toolbar", "aria-label": "Correct", hidden: true },
    ...tools.map((each) => each.toggle.button),
    size,
    range,
    toggleButton("undo", "Take back", "Control+Z", () => actions.step("undo"), "").button,
    toggleButton("redo", "Do again", "Control+Y", () => actions.step("redo"), "").button,
    toggleButton("close", "Done", "Escape", () => store.update((s) => setTool(s, "navigate")), "").button,
  );
  const draw = (): void => {
    const state = store.get();
    const { view } = state;
    bar.hidden = !isCorrecting(view);
    for (const each of tools) each.toggle.set(each.tool === view.tool);
    size.valueAsNumber = Math.round(2 * view.radius_mm);
    size.style.setProperty("--part", `${(100 * (view.radius_mm - BRUSH_MM.least)) / (BRUSH_MM.most - BRUSH_MM.least)}%`);
    range.hidden = view.tool !== "threshold";
    const values = rangeOf(state);
    if (values === null) return;
    const quantity = volumeOf(state.scene)?.quantity;
    unit.textContent = quantity === "HU" ? "HU" : "";
    if (document.activeElement !== low) low.value = String(Math.round(values[0]));
    if (document.activeElement !== high) high.value = String(Math.round(values[1]));
  };
  store.watch((s) => s.view, draw);
  store.watch((s) => s.scene?.id, draw);
  return bar;
}

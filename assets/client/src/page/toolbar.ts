// The bar at the top: what is open, window, measuring, the way into the headset.

import type { Actions } from "./actions";
import { element, setText } from "./element";
import { icon, type IconName } from "./icon";
import { volumeOf } from "../model/scene";
import { may } from "../model/self";
import type { AppStore, State } from "../model/state";
import { applyPreset, isCorrecting, levelWidth, setLabelsOnSlices, setSlicesIn3d, setTool, toggleTool } from "../model/view";

export interface Toggle {
  readonly button: HTMLButtonElement;
  set(on: boolean): void;
}

/** `text` stands beside the icon where there is room. */
export function toggleButton(name: IconName, label: string, key: string, press: () => void, text = label): Toggle {
  const title = `${label} (${key})`;
  const button = element("button", { class: "tool", type: "button", title, "aria-label": label, "aria-keyshortcuts": key, onclick: press }, icon(name), text ? element("span", {}, text) : "");
  return { button, set: (on) => button.setAttribute("aria-pressed", String(on)) };
}

function windowText(state: State): string {
  const { window } = state.view;
  if (window === null) return "";
  const { level, width } = levelWidth(window);
  const unit = volumeOf(state.scene)?.quantity === "HU" ? " HU" : "";
  return `L ${Math.round(level)}  W ${Math.round(width)}${unit}`;
}

function createWindowSelect(store: AppStore): HTMLElement {
  const select = element("select", {
    "aria-label": "Window preset",
    title: "Window preset (W). Drag with the right button on a slice to set it by hand.",
    onchange: () => store.update((s) => applyPreset(s, select.value)),
  });
  const readout = element("span", { class: "figure quiet-text", "aria-live": "off" });
  const box = element("label", { class: "window-select" }, element("span", { class: "caption" }, "Window"), select, readout);
  store.watch((s) => volumeOf(s.scene)?.presets, (presets) => {
    const options = (presets ?? []).map((preset) => element("option", { value: preset.name }, preset.name));
    select.replaceChildren(...options, element("option", { value: "", disabled: true }, "By hand"));
    box.hidden = options.length === 0;
  });
  store.watch((s) => s.view.window, (window) => {
    select.value = window?.preset ?? "";
    setText(readout, windowText(store.get()));
  });
  return box;
}

export interface Toolbar {
  readonly element: HTMLElement;
  /** Where the headset buttons go. */
  readonly headset: HTMLElement;
  /** Where the page's own switches go (theme, help). */
  readonly page: HTMLElement;
}

export function createToolbar(store: AppStore, actions: Actions): Toolbar {
  const title = element("span", { class: "title" });
  const measure = toggleButton("ruler", "Measure", "M", () => store.update((s) => toggleTool(s, "measure")));
  const brush = toggleButton("brush", "Correct", "B", () => store.update((s) => setTool(s, isCorrecting(s.view) ? "navigate" : "brush")));
  const planes = toggleButton("planes", "Slices in 3-D", "P", () => store.update((s) => setSlicesIn3d(s, !s.view.slicesIn3d)));
  const labels = toggleButton("labels", "Colours on slices", "L", () => store.update((s) => setLabelsOnSlices(s, !s.view.labelsOnSlices)));
  const reset = toggleButton("reset", "Reset view", "R", () => actions.resetView());
  const tools = element("div", { class: "tools", role: "toolbar", "aria-label": "View" }, createWindowSelect(store), measure.button, brush.button, planes.button, labels.button, reset.button);
  const headset = element("div", { class: "headset" });
  const page = element("div", { class: "page-tools" });
  const bar = element("header", { class: "bar" }, element("span", { class: "word" }, "Sightline"), title, tools, headset, page);
  store.watch((s) => s.scene, (scene) => {
    setText(title, scene?.title ?? "");
    tools.hidden = scene === null;
  });
  store.watch((s) => may(s, "edit"), (can) => (brush.button.hidden = !can));
  store.watch((s) => s.view, (view) => {
    measure.set(view.tool === "measure");
    brush.set(isCorrecting(view));
    planes.set(view.slicesIn3d);
    labels.set(view.labelsOnSlices);
  });
  return { element: bar, headset, page };
}

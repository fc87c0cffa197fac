// Tools over the wall: what a press does, windows, thickness, layout.

import { element, setText } from "../element";
import { icon, type IconName } from "../icon";
import { layoutsOf, LAYOUTS, type Layout } from "../../model/reading/hanging";
import { taskOf, toolsOf, type Desk, type Tool } from "../../model/reading/state";
import type { Plane } from "../../model/state";
import type { ReadingDesk } from "../../reading/desk";

interface ToolLook {
  readonly name: string;
  readonly key: string;
  readonly icon: IconName;
  readonly says: string;
}

export const TOOLS: Record<Tool, ToolLook> = {
  mark: { name: "Mark", key: "m", icon: "solo", says: "Press: a mark. Drag: scroll" },
  point: { name: "Point", key: "v", icon: "cross", says: "Press: all panes go there. Drag: scroll" },
  window: { name: "Window", key: "w", icon: "sun", says: "Drag: across for width, down for level (right button with any tool)" },
  pan: { name: "Move", key: "z", icon: "hand", says: "Drag: move the picture. Ctrl and wheel: zoom" },
  measure: { name: "Measure", key: "r", icon: "ruler", says: "Drag: a length" },
  tilt: { name: "Tilt", key: "t", icon: "reset", says: "Drag: tilt the plane about its middle" },
  brush: { name: "Paint", key: "b", icon: "brush", says: "Drag: paint on the slice" },
  eraser: { name: "Erase", key: "e", icon: "eraser", says: "Drag: take away" },
  box: { name: "Box", key: "b", icon: "box", says: "Drag a box; in a second plane for its depth" },
  region: { name: "Circle", key: "c", icon: "circle", says: "Drag from the middle outwards: mean value" },
  path: { name: "Path", key: "p", icon: "path", says: "Press the entry, then the target" },
};

const ALWAYS: readonly Tool[] = ["point", "window", "pan", "measure", "tilt"];
/** Thicknesses of a slab. */
const SLABS_MM = [0, 5, 10, 20, 40] as const;
const PLANES: Record<Plane, string> = { axial: "Axial", coronal: "Coronal", sagittal: "Sagittal" };

export const shownTools = (desk: Desk): readonly Tool[] => (desk.told === null ? [...toolsOf(taskOf(desk)), ...ALWAYS] : ALWAYS);

export function createWallTools(desk: ReadingDesk): HTMLElement {
  const { store } = desk;
  const tools = element("div", { class: "tools", role: "toolbar", "aria-label": "Tools" });
  const windows = select("Window", (value) => {
    const preset = desk.presets(store.get().active).find(({ name }) => name === value);
    if (preset) desk.setWindow(store.get().active, preset);
  });
  const planes = select("Plane", (value) => desk.setPlane(store.get().active, value as Plane));
  const slabs = select("Slab", (value) => desk.setSlab(store.get().active, Number(value)));
  const layouts = select("Panes", (value) => desk.setLayout(value as Layout));
  const link = element("button", { class: "tool", type: "button", title: "Studies scroll and are windowed together", onclick: () => desk.set({ isLinked: !store.get().isLinked }) }, icon("link"), element("span", {}, "Linked"));
  const solid = element("button", { class: "tool", type: "button", title: "3-D beside the slices: support, not proof", onclick: () => desk.set({ is3d: !store.get().is3d }) }, icon("room"), element("span", {}, "3-D"));
  const brush = element("label", { class: "choice" }, element("span", { class: "caption" }, "Brush"), element("input", { type: "range", min: 1, max: 20, step: 0.5, "aria-label": "Brush radius in millimetres", oninput: (event) => desk.set({ brush_mm: Number((event.target as HTMLInputElement).value) }) }));
  const bar = element("div", { class: "wall-tools" }, tools, brush, element("span", { class: "gap" }), planes.element, windows.element, slabs.element, layouts.element, link, solid);

  const draw = (): void => {
    const state = store.get();
    const cut = state.cuts[state.active];
    const shown = shownTools(state);
    if (tools.dataset["shown"] !== shown.join()) {
      tools.dataset["shown"] = shown.join();
      tools.replaceChildren(...shown.map((tool) => toolButton(tool, () => desk.setTool(tool))));
    }
    for (const button of tools.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset["tool"] === state.tool));
    brush.hidden = state.tool !== "brush" && state.tool !== "eraser";
    (brush.querySelector("input") as HTMLInputElement).value = String(state.brush_mm);
    link.setAttribute("aria-pressed", String(state.isLinked));
    link.hidden = (state.reading?.case.volumes.length ?? 0) < 2;
    solid.setAttribute("aria-pressed", String(state.is3d));
    planes.show(Object.entries(PLANES), cut?.plane ?? "", "Oblique");
    windows.show(desk.presets(state.active).map(({ name }) => [name, name]), cut?.window.preset ?? "", "By hand");
    slabs.show(SLABS_MM.map((mm) => [String(mm), mm === 0 ? "1 slice" : `MIP ${mm} mm`]), String(cut?.slab_mm ?? 0), `MIP ${cut?.slab_mm ?? 0} mm`);
    if (state.reading) layouts.show(layoutsOf(state.reading.case).map((each) => [each, LAYOUTS[each]]), state.layout, "");
  };
  for (const part of ["cuts", "active", "tool", "task", "told", "reading", "isLinked", "is3d", "layout", "brush_mm"] as const) store.watch((state) => state[part], draw);
  return bar;
}

function toolButton(tool: Tool, choose: () => void): HTMLElement {
  const { name, key, icon: shape, says } = TOOLS[tool];
  return element("button", { class: "tool", type: "button", "data-tool": tool, title: `${says} (${key.toUpperCase()})`, onclick: choose }, icon(shape), element("span", {}, name));
}

interface Select {
  readonly element: HTMLElement;
  /** Options as value and words; `otherwise` names a value that is none of them. */
  show(options: readonly (readonly [string, string])[], value: string, otherwise: string): void;
}

function select(caption: string, choose: (value: string) => void): Select {
  const list = element("select", { "aria-label": caption, onchange: (event) => choose((event.target as HTMLSelectElement).value) });
  return {
    element: element("label", { class: "choice" }, element("span", { class: "caption" }, caption), list),
    show(options, value, otherwise) {
      const shown = options.some(([each]) => each === value) || otherwise === "" ? options : [...options, [value, otherwise] as const];
      const key = JSON.stringify(shown);
      if (list.dataset["shown"] !== key) {
        list.dataset["shown"] = key;
        list.replaceChildren(...shown.map(([each, words]) => element("option", { value: each }, words)));
      }
      if (list.value !== value) list.value = value;
    },
  };
}

/** A short line under the wall: what the tool does. */
export function createToolHint(desk: ReadingDesk): HTMLElement {
  const line = element("p", { class: "tool-hint hint" });
  desk.store.watch((state) => state.tool, (tool) => setText(line, `${TOOLS[tool].says} · wheel or arrow keys: scroll · right-drag: window · Shift-drag: move`));
  return line;
}

// The panel's tools in the headset: what a press on a slice does, windows, slabs, planes, zoom. Pure.

import { caption, cell, EDGE, press, ROW, WIDTH, type PanelDo, type PressLook } from "./parts";
import type { Control, Rect } from "../panel";
import { layoutsOf, LAYOUTS } from "../../model/reading/hanging";
import { taskOf, toolsOf, type Desk, type Tool } from "../../model/reading/state";

const NAMES: Record<Tool, string> = { mark: "Mark", point: "Point", window: "Window", pan: "Move", measure: "Measure", tilt: "Tilt", brush: "Paint", eraser: "Erase", box: "Box", region: "Circle", path: "Path" };
const ALWAYS: readonly Tool[] = ["point", "window", "pan", "measure", "tilt"];
const SLABS_MM = [0, 5, 10, 20, 40];
const PLANES = { axial: "Axial", coronal: "Coronal", sagittal: "Sagittal" } as const;
/** Names of rows stand to the left of them. */
const NAMES_MM = 62;
const PITCH = ROW + 6;
const ZOOM = 1.25;

interface Cell {
  readonly id: string;
  readonly text: string;
  readonly look?: PressLook;
  readonly act: () => void;
}

export function tools(state: Desk, act: PanelDo): Control[] {
  const { desk } = act;
  const pane = state.active;
  const cut = state.cuts[pane];
  const own = state.told === null ? toolsOf(taskOf(state)) : [];
  const zoom = (by: number): void => cut && desk.zoom(pane, by, cut.focus_mm);
  const tasks = state.reading?.case.tasks ?? [];
  const at = tasks.findIndex(({ id }) => id === state.task);
  const goTo = (index: number) => (): void => {
    desk.chooseTask(tasks[index]!.id);
    act.remember({ page: "task" });
  };
  const rows: readonly (readonly [string, readonly Cell[]])[] = [
    ["A press", [...own, ...ALWAYS].map((tool) => ({ id: `tool-${tool}`, text: NAMES[tool], act: () => desk.setTool(tool), look: { on: state.tool === tool } }))],
    ["Window", desk.presets(pane).slice(0, 5).map((preset) => ({ id: `window-${preset.name}`, text: preset.name, act: () => desk.setWindow(pane, preset), look: { on: cut?.window.preset === preset.name } }))],
    ["Slab", SLABS_MM.map((mm) => ({ id: `slab-${mm}`, text: mm === 0 ? "One slice" : `MIP ${mm}`, act: () => desk.setSlab(pane, mm), look: { on: cut?.slab_mm === mm } }))],
    ["Plane", [
      ...(["axial", "coronal", "sagittal"] as const).map((plane) => ({ id: `plane-${plane}`, text: PLANES[plane], act: () => desk.setPlane(pane, plane), look: { on: cut?.plane === plane } })),
      { id: "zoom-out", text: "Smaller", act: () => zoom(1 / ZOOM) },
      { id: "zoom-in", text: "Larger", act: () => zoom(ZOOM) },
    ]],
    ["Panes", [
      ...(state.reading ? layoutsOf(state.reading.case) : []).map((layout) => ({ id: `layout-${layout}`, text: LAYOUTS[layout], act: () => desk.setLayout(layout), look: { on: state.layout === layout } })),
      { id: "fill", text: "Alone", act: () => desk.fill(state.filled === null ? pane : null), look: { on: state.filled !== null } },
    ]],
    ["More", [
      { id: "case", text: "The case", act: () => act.remember({ page: "case" }) },
      { id: "reset", text: "As it was", act: () => desk.reset(pane) },
      { id: "solid", text: "3-D", act: () => desk.set({ is3d: !state.is3d }), look: { on: state.is3d } },
      { id: "hand", text: state.hand === "right" ? "Right hand" : "Left hand", act: () => desk.setHand(state.hand === "right" ? "left" : "right") },
    ]],
    ["Question", state.told !== null || tasks.length < 2 ? [] : [
      { id: "question-previous", text: "Before", act: goTo(at - 1), look: { disabled: at <= 0 } },
      { id: "question-next", text: "After", act: goTo(at + 1), look: { disabled: at < 0 || at + 1 >= tasks.length } },
    ]],
  ];
  return rows.flatMap(([name, cells], row) => cells.length === 0 ? [] : line(name, cells, EDGE + row * PITCH));
}

function line(name: string, cells: readonly Cell[], y: number): Control[] {
  const at = (index: number): Rect => cell(y, index, cells.length, EDGE + NAMES_MM, WIDTH - NAMES_MM);
  return [caption(`row-${name}`, name, y + 6, "label", "left", EDGE, NAMES_MM), ...cells.map((each, index) => press(each.id, each.text, at(index), each.act, { size: "label", ...each.look }))];
}

// What the panel says and does: pages and a footer, from the state alone. Lengths in millimetres.

import { bandsPage, guidePage, marginsPage, sidesPage, tissuePage, warningsPage } from "./guide_pages";
import type { Control, Icon, Rect } from "./panel";
import { BODY_Y, button, caption, cell, EDGE, FOOTER_Y, PITCH, range, ROWS, TABS_H, ticked, turning, WIDTH } from "./panel_layout";
import { SCALE_LIMITS } from "./grab";
import { scaleText } from "./scale_text";
import type { MarginShape } from "../model/margin_shape";
import { withError } from "../model/number_text";
import { guessOf } from "../model/moved_tissue";
import { volumeOf } from "../model/scene";
import { may } from "../model/self";
import { PLANES, type Plane, type State, type Tool } from "../model/state";
import { isShown, surfaces } from "../model/structures";
import { BRUSH_MM, isCorrecting, length_mm, rangeOf } from "../model/view";
import type { GuidedBands, MarginBand, VolumeNode } from "../wire/messages";

export type Page = "guide" | "margins" | "sides" | "warnings" | "bands" | "tissue" | "structures" | "slice" | "measure" | "correct" | "view";
/** Sides from which the anatomy is looked at. */
export type Facing = "front" | "back" | "left" | "right" | "head" | "feet";

/** What the panel shows beside the model's state. */
export interface PanelView {
  readonly page: Page;
  readonly first: number;
  readonly scale: number;
  readonly slice: { readonly on: boolean; readonly carried: boolean; readonly cutting: boolean };
  readonly ruler: { readonly on: boolean; readonly prompt: string };
  /** What a hand that corrects is about to do. */
  readonly correcting: string;
  /** Text of the frame time; null while nobody asked. */
  readonly frameTime: string | null;
  readonly onWrist: boolean;
  /** Null while nothing is guided. */
  readonly guide: GuideView | null;
  /** What the pages of one margin or of one structure's warnings are of. */
  readonly chosen: string;
  /** A margin as a hand holds it, or as it is. */
  readonly marginShape: (margin: MarginBand) => MarginShape;
}

export interface GuideView {
  /** The landmark that the next touch is of. */
  readonly landmark: string | null;
  /** Landmarks that were touched from this headset. */
  readonly done: ReadonlySet<string>;
  readonly words: string;
  readonly overlayTime: string;
  /** The next press on the slice says which place of the scan is touched again. */
  readonly pointing: boolean;
}

/** What a press asks for. */
export interface PanelIntents {
  turnTo(page: Page): void;
  showFrom(first: number): void;
  toggleStructure(key: string): void;
  setOpacity(key: string, opacity: number): void;
  showAll(visible: boolean): void;
  toggleSlice(): void;
  toggleCarry(): void;
  standOn(plane: Plane): void;
  toggleCut(): void;
  usePreset(name: string): void;
  toggleRuler(): void;
  removeMeasurement(id: string): void;
  clearMeasurements(): void;
  setTool(tool: Tool): void;
  setBrush(radius_mm: number): void;
  setRange(low: number, high: number): void;
  step(direction: "undo" | "redo"): void;
  setScale(scale: number): void;
  face(side: Facing): void;
  bringHere(): void;
  toggleFrameTime(): void;
  toggleOverlay(): void;
  toggleFollow(): void;
  silence(): void;
  touchLandmark(id: string): void;
  registerHeadset(): void;
  chooseWay(id: string): void;
  /** Begins to draw the pointer over the skin, or registers by what was drawn. */
  trace(state: "start" | "stop"): void;
  /** Moves soft tissue by what was touched again, or puts it back. */
  deform(state: "apply" | "forget"): void;
  setMargin(margin: MarginBand, to_mm: number): void;
  setSide(margin: MarginBand, side: number, to_mm: number): void;
  evenMargin(margin: MarginBand): void;
  openSides(margin: string): void;
  openBands(node: string): void;
  setBands(node: string, bands: GuidedBands): void;
  togglePointing(): void;
  reset(): void;
  leave(): void;
  /** Takes the panel off the wrist and lets it stand. */
  pin(): void;
  close(): void;
}

const SCALE_STEP = 1.25;
/** Structures a page holds when all fit, and when it must leave a row for turning over. */
const STRUCTURE_ROWS = ROWS - 1;

export function panelControls(state: State, view: PanelView, intents: PanelIntents): Control[] {
  return [...tabs(view, intents), ...PAGES[view.page](state, view, intents), ...footer(view, intents)];
}

const TABS: readonly (readonly [page: Page, text: string, width: number])[] = [
  ["structures", "Structures", 53],
  ["slice", "Slice", 30],
  ["measure", "Measure", 42],
  ["correct", "Correct", 38],
  ["view", "View", 27],
];

/** Turned to from the guide's own page, under its tab. */
export const OF_GUIDE: ReadonlySet<Page> = new Set(["guide", "margins", "sides", "warnings", "bands", "tissue"]);

/** While something is guided nothing is corrected: its page takes that place. */
const GUIDE_TAB: (typeof TABS)[number] = ["guide", "Guide", 38];

function tabs(view: PanelView, intents: PanelIntents): Control[] {
  let x = EDGE;
  const all = view.guide === null ? TABS : [GUIDE_TAB, ...TABS.filter(([page]) => page !== "correct")];
  const pages = all.map(([page, text, width]) => {
    const rect = { x_mm: x, y_mm: EDGE, w_mm: width, h_mm: TABS_H };
    x += width + 2;
    return button(`tab-${page}`, rect, text, () => intents.turnTo(page), { size: "label", on: view.page === page || (page === "guide" && OF_GUIDE.has(view.page)) });
  });
  const last = { x_mm: x, y_mm: EDGE, w_mm: EDGE + WIDTH - x, h_mm: TABS_H };
  const [id, icon, press] = view.onWrist
    ? (["pin", "pin", () => intents.pin()] as const)
    : (["close", "close", () => intents.close()] as const);
  return [...pages, button(id, last, "", press, { icon })];
}

function footer(view: PanelView, intents: PanelIntents): Control[] {
  const at = (index: number): Rect => ({ ...cell(0, index, 3), y_mm: FOOTER_Y });
  const line: Rect = { x_mm: EDGE, y_mm: FOOTER_Y - 11, w_mm: WIDTH, h_mm: 9 };
  const shown = [`Scale ${scaleText(view.scale)}${view.scale === 1 ? ", true size" : ""}`, view.guide?.overlayTime, view.frameTime];
  return [
    caption("scale", line, shown.filter(Boolean).join(" · ")),
    button("true-size", at(0), "1:1", () => intents.setScale(1), { on: view.scale === 1 }),
    button("reset", at(1), "Reset", () => intents.reset()),
    button("leave", at(2), "Leave", () => intents.leave()),
  ];
}

const PAGES: Record<Page, (state: State, view: PanelView, intents: PanelIntents) => Control[]> = {
  guide: guidePage,
  margins: marginsPage,
  sides: sidesPage,
  warnings: warningsPage,
  bands: bandsPage,
  tissue: tissuePage,
  structures: structuresPage,
  slice: slicePage,
  measure: measurePage,
  correct: correctPage,
  view: viewPage,
};

function structuresPage(state: State, view: PanelView, intents: PanelIntents): Control[] {
  const all = surfaces(state.scene);
  if (all.length === 0) return [caption("none", cell(0, 0, 1), "No structures yet: open a study on the page")];
  const first = Math.min(view.first, all.length - 1);
  const rows = all.slice(first, first + STRUCTURE_ROWS).flatMap((node, row) => {
    const { key, name } = node.structure;
    const look = state.structures[key]!;
    const shown = isShown(state, key);
    const left: Rect = { ...cell(row, 0, 1), w_mm: 122 };
    const right: Rect = { ...cell(row, 0, 1), x_mm: EDGE + 124, w_mm: WIDTH - 124 };
    const swatch = `rgb(${look.colour.join(" ")})`;
    const icon: Icon = shown ? "eye" : "eye-off";
    return [
      button(`structure-${key}`, left, guessOf(node) ? `${name} (guess)` : name, () => intents.toggleStructure(key), { on: shown, swatch, icon }),
      opacitySlider(key, right, look.opacity, intents),
    ];
  });
  const foot = (index: number): Rect => cell(STRUCTURE_ROWS, index, 4);
  return [
    ...rows,
    button("show-all", foot(0), "All", () => intents.showAll(true)),
    button("show-none", foot(1), "None", () => intents.showAll(false)),
    ...turning(all.length, first, STRUCTURE_ROWS, [foot(2), foot(3)], (to) => intents.showFrom(to)),
  ];
}

function opacitySlider(key: string, rect: Rect, opacity: number, intents: PanelIntents): Control {
  const text = `${Math.round(100 * opacity)} %`;
  return { kind: "slider", id: `opacity-${key}`, rect, text, value: opacity, slide: (value) => intents.setOpacity(key, value) };
}

const PLANE_NAMES: Record<Plane, string> = { axial: "Axial", coronal: "Coronal", sagittal: "Sagittal" };
const PRESETS_SHOWN = 6;

function slicePage(state: State, { slice }: PanelView, intents: PanelIntents): Control[] {
  const volume = volumeOf(state.scene);
  if (volume === undefined) return [caption("none", cell(0, 0, 1), "This study has no voxels to slice")];
  const off = { disabled: !slice.on };
  const window = state.view.window?.preset;
  const presets = volume.presets.slice(0, PRESETS_SHOWN).map(({ name }, index) =>
    button(`preset-${name}`, cell(4 + Math.floor(index / 3), index % 3, 3), name, () => intents.usePreset(name), {
      on: name === window,
    }),
  );
  return [
    button("slice", cell(0, 0, 2), slice.on ? "Slice on" : "Slice off", () => intents.toggleSlice(), { on: slice.on, ...ticked(slice.on) }),
    button("carry", cell(0, 1, 2), slice.carried ? "Set down" : "In hand", () => intents.toggleCarry(), { on: slice.carried, ...off }),
    ...PLANES.map((plane, index) => button(`plane-${plane}`, cell(1, index, 3), PLANE_NAMES[plane], () => intents.standOn(plane))),
    button("cut", cell(2, 0, 1), slice.cutting ? "Anatomy cut open" : "Anatomy whole", () => intents.toggleCut(), { on: slice.cutting, ...ticked(slice.cutting), ...off }),
    caption("window", { ...cell(3, 0, 1), y_mm: BODY_Y + 3 * PITCH + 15, h_mm: 12 }, `Window${loading(state)}`),
    ...presets,
  ];
}

function loading({ volume }: State): string {
  if (volume.state !== "loading") return "";
  return ` · voxels ${Math.round(100 * volume.fraction)} % here`;
}

const MEASUREMENTS_SHOWN = 3;

function measurePage(state: State, { ruler }: PanelView, intents: PanelIntents): Control[] {
  const last = state.measurements.slice(-MEASUREMENTS_SHOWN);
  const rows = last.flatMap((measurement, row): Control[] => {
    const { id, error_mm } = measurement;
    const words = cell(2 + row, 0, 6, 5);
    const text = `${id}   ${withError(length_mm(measurement), error_mm, "mm")}`;
    return [
      caption(`length-${id}`, words, text, "body"),
      button(`remove-${id}`, cell(2 + row, 5, 6), "", () => intents.removeMeasurement(id), { icon: "close" }),
    ];
  });
  const clear = button("clear", cell(5, 0, 1), "Clear all", () => intents.clearMeasurements());
  return [
    button("ruler", cell(0, 0, 1), ruler.on ? "Ruler on" : "Ruler off", () => intents.toggleRuler(), { on: ruler.on, ...ticked(ruler.on) }),
    caption("prompt", cell(1, 0, 1), ruler.on ? ruler.prompt : "Measures in the patient's own millimetres"),
    ...rows,
    ...(last.length > 0 ? [clear] : []),
  ];
}

const CORRECTING: readonly (readonly [tool: Tool, id: string, text: string])[] = [
  ["brush", "paint", "Paint"],
  ["eraser", "erase", "Erase"],
  ["threshold", "by-value", "By value"],
];

function correctPage(state: State, { correcting }: PanelView, intents: PanelIntents): Control[] {
  const volume = volumeOf(state.scene);
  if (volume === undefined) return [caption("none", cell(0, 0, 1), "This study has no voxels to correct")];
  if (!may(state, "edit")) return [caption("none", cell(0, 0, 1), "Your role looks and does not correct")];
  const { tool } = state.view;
  const tools = CORRECTING.map(([wanted, id, text], index) =>
    button(id, cell(0, index, 3), text, () => intents.setTool(tool === wanted ? "navigate" : wanted), { on: tool === wanted, ...ticked(tool === wanted) }),
  );
  const off = { disabled: !isCorrecting(state.view) };
  return [
    ...tools,
    caption("correcting", cell(1, 0, 1), correcting),
    ...(tool === "threshold" ? valueSliders(state, volume, intents) : [widthSlider(state, intents)]),
    button("undo", cell(4, 0, 2), "Take back", () => intents.step("undo"), off),
    button("redo", cell(4, 1, 2), "Do again", () => intents.step("redo"), off),
  ];
}

function widthSlider({ view: { radius_mm } }: State, intents: PanelIntents): Control {
  return range("brush-size", cell(2, 0, 1), `${Math.round(2 * radius_mm)} mm wide`, radius_mm, BRUSH_MM, (to) => intents.setBrush(to));
}

/** From the lowest to the highest value that any window of this kind of scan shows. */
function valueSliders(state: State, { presets, quantity }: VolumeNode, intents: PanelIntents): Control[] {
  const shown = rangeOf(state);
  if (shown === null) return [];
  const least = Math.min(shown[0], ...presets.map(({ low }) => low));
  const most = Math.max(shown[1], ...presets.map(({ high }) => high), least + 1);
  const unit = quantity === "HU" ? " HU" : "";
  const slider = (id: string, row: number, word: string, end: 0 | 1, set: (value: number) => void): Control =>
    range(id, cell(row, 0, 1), `${word} ${Math.round(shown[end])}${unit}`, shown[end], { least, most }, (to) => set(Math.round(to)));
  return [
    slider("lowest", 2, "From", 0, (to) => intents.setRange(to, Math.max(shown[1], to))),
    slider("highest", 3, "To", 1, (to) => intents.setRange(Math.min(shown[0], to), to)),
  ];
}

const SIDES: readonly (readonly [side: Facing, text: string])[] = [
  ["front", "Front"],
  ["left", "Left"],
  ["head", "Head"],
  ["back", "Back"],
  ["right", "Right"],
  ["feet", "Feet"],
];

function viewPage(_state: State, view: PanelView, intents: PanelIntents): Control[] {
  const { scale } = view;
  const sized = (to: number): (() => void) => () => intents.setScale(Math.min(SCALE_LIMITS.most, Math.max(SCALE_LIMITS.least, to)));
  return [
    button("smaller", cell(0, 0, 2), "Smaller", sized(scale / SCALE_STEP), { icon: "minus", disabled: scale <= SCALE_LIMITS.least }),
    button("larger", cell(0, 1, 2), "Larger", sized(scale * SCALE_STEP), { icon: "plus", disabled: scale >= SCALE_LIMITS.most }),
    caption("look", { ...cell(1, 0, 1), y_mm: BODY_Y + PITCH + 12, h_mm: 12 }, "Look at the patient from"),
    ...SIDES.map(([side, text], index) =>
      button(`face-${side}`, cell(2 + Math.floor(index / 3), index % 3, 3), text, () => intents.face(side)),
    ),
    button("bring", cell(4, 0, 1), "Bring it here", () => intents.bringHere()),
    button("frame-time", cell(5, 0, 1), "Frame time", () => intents.toggleFrameTime(), { on: view.frameTime !== null, ...ticked(view.frameTime !== null) }),
  ];
}

// One pane of the grid: a frame with a name, a button that fills the grid, and room for the picture.

import { element } from "./element";
import { icon } from "./icon";
import type { AppStore, Pane } from "../model/state";
import { fillPane } from "../model/view";

const NAMES: Record<Pane, string> = { "3d": "3-D", axial: "Axial", coronal: "Coronal", sagittal: "Sagittal" };
export const PANE_KEYS: Record<string, Pane> = { "1": "3d", "2": "axial", "3": "coronal", "4": "sagittal" };

export interface PaneFrame {
  readonly element: HTMLElement;
  readonly body: HTMLElement;
  readonly corner: HTMLElement;
}

export function createPane(store: AppStore, pane: Pane, attributes: Record<string, string | number>): PaneFrame {
  const key = Object.entries(PANE_KEYS).find(([, each]) => each === pane)![0];
  const fill = element("button", { class: "quiet fill", type: "button", title: `Fill the grid (${key}, or double-click)`, "aria-label": `Fill the grid with ${NAMES[pane]}`, onclick: () => store.update((s) => fillPane(s, pane)) }, icon("fill"));
  const corner = element("span", { class: "corner figure" });
  const body = element("div", { class: "pane-body", tabindex: 0, ...attributes });
  const head = element("div", { class: "pane-head" }, element("span", { class: "pane-name" }, NAMES[pane]), corner, fill);
  body.addEventListener("dblclick", () => store.update((s) => (s.view.tool === "measure" ? s : fillPane(s, pane))));
  const frame = element("section", { class: `pane pane-${pane}`, "aria-label": NAMES[pane] }, body, head);
  store.watch((s) => s.view.filled, (filled) => {
    frame.classList.toggle("filled", filled === pane);
    frame.hidden = filled !== null && filled !== pane;
    fill.replaceChildren(icon(filled === pane ? "grid" : "fill"));
    fill.setAttribute("aria-pressed", String(filled === pane));
  });
  return { element: frame, body, corner };
}

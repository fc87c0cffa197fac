// A panel at the side whose width and presence are remembered; in a narrow window, a drawer over the views.

import { element } from "./element";
import { recall, remember } from "./memory";

const WIDTH = { least: 220, most: 480, first: 292, step: 16 };

export interface SidePanel {
  readonly panel: HTMLElement;
  readonly edge: HTMLElement;
  toggle(): void;
  /** Whether it lies over the views, as in narrow windows. */
  isDrawer(): boolean;
  /** Shuts a drawer; a panel beside the views stays. */
  close(): void;
}

/** As in style.css. */
const NARROW = window.matchMedia("(max-width: 960px)");

/** `side` names it in storage and says which way dragging its edge widens it. */
export function createSidePanel(side: "left" | "right", label: string, ...children: HTMLElement[]): SidePanel {
  const panel = element("aside", { class: `side ${side}`, id: `${side}-panel`, "aria-label": label }, ...children);
  const edge = element("div", { class: "splitter", role: "separator", tabindex: 0, "aria-orientation": "vertical", "aria-label": `Width of ${label}`, "aria-controls": panel.id });
  const sign = side === "left" ? 1 : -1;
  let width = Number(recall(`${side}.width`, String(WIDTH.first))) || WIDTH.first;
  const setWidth = (next: number): void => {
    width = Math.min(WIDTH.most, Math.max(WIDTH.least, next));
    document.documentElement.style.setProperty(`--${side}-width`, `${width}px`);
    edge.setAttribute("aria-valuenow", String(Math.round(width)));
    remember(`${side}.width`, String(width));
  };
  const setShown = (shown: boolean): void => {
    panel.hidden = !shown;
    edge.hidden = !shown || NARROW.matches;
    if (!NARROW.matches) remember(`${side}.shown`, String(shown));
  };
  const fit = (): void => setShown(!NARROW.matches && recall(`${side}.shown`, "true") !== "false");
  edge.addEventListener("pointerdown", (event) => edge.setPointerCapture(event.pointerId));
  edge.addEventListener("pointermove", (event) => {
    if (edge.hasPointerCapture(event.pointerId)) setWidth(width + sign * event.movementX);
  });
  edge.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -WIDTH.step, ArrowRight: WIDTH.step }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setWidth(width + sign * step);
  });
  if (window.innerWidth >= 1200) setWidth(width);
  NARROW.addEventListener("change", fit);
  fit();
  const close = (): void => {
    if (NARROW.matches) setShown(false);
  };
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  return { panel, edge, toggle: () => setShown(panel.hidden === true), isDrawer: () => NARROW.matches, close };
}

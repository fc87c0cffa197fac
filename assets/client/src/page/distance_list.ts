// Distances of a tool: a name, a bar, a figure; the bar says the same as the figure. The nearest first.

import { element, setText } from "./element";
import type { FigureSheet, FigureView } from "./figure_view";
import { dashFigure, figureWithError } from "../model/figure";
import { byNearness, type DistanceSight, type ToolSight } from "../model/sight";
import type { GuidedBands } from "../wire/messages";

/** What the bar spans. */
const FROM_MM = -5;
const TO_MM = 25;
export const LEVEL_WORDS = ["", "Near", "Risk", "Inside"] as const;

const part = (mm: number): number => (100 * (Math.min(TO_MM, Math.max(FROM_MM, mm)) - FROM_MM)) / (TO_MM - FROM_MM);

interface Row {
  readonly element: HTMLElement;
  draw(distance: DistanceSight, toolWords: string): void;
}

export interface DistanceList {
  readonly element: HTMLElement;
  draw(tool: ToolSight): void;
}

/** At most `most` structures: more are not read at a glance. */
export function createDistanceList(sheet: FigureSheet, most: number): DistanceList {
  const list = element("ul", { class: "distances" });
  const rows: Row[] = [];
  let order: readonly string[] = [];
  return {
    element: list,
    draw(tool) {
      const sorted = byNearness(tool.distances, order);
      order = sorted.map(({ node }) => node);
      const shown = sorted.slice(0, most);
      while (rows.length < shown.length) {
        const row = createRow(sheet.create());
        rows.push(row);
        list.append(row.element);
      }
      rows.forEach((row, n) => {
        const distance = shown[n];
        row.element.hidden = distance === undefined;
        if (distance !== undefined) row.draw(distance, tool.words);
      });
    },
  };
}

function createRow(figure: FigureView): Row {
  const name = element("span", { class: "label" });
  const guess = element("span", { class: "guess" }, "guess");
  const level = element("span", { class: "level" });
  const zones = element("span", { class: "zones" });
  const whisker = element("span", { class: "whisker" });
  const tick = element("span", { class: "tick" });
  const words = element("span", { class: "detail" });
  const bar = element("span", { class: "distance-bar", "aria-hidden": "true" }, zones, element("span", { class: "zero" }), whisker, tick);
  const row = element("li", { class: "distance" }, element("span", { class: "names" }, element("span", { class: "named" }, name, guess), level), bar, figure.element, words);
  let bands: GuidedBands | null = null;
  return {
    element: row,
    draw(distance, toolWords) {
      const { known } = distance;
      setText(name, distance.name);
      guess.hidden = !distance.guessed;
      setText(level, known === null ? "" : LEVEL_WORDS[distance.level as 0]);
      row.dataset["level"] = String(known === null ? "unknown" : distance.level);
      if (bands !== distance.bands) zones.style.background = zoneStyle((bands = distance.bands));
      figure.show(known === null ? dashFigure() : figureWithError(known.distance_mm, known.error_mm));
      whisker.hidden = tick.hidden = known === null;
      setText(words, known === null && distance.words !== toolWords ? distance.words : "");
      if (known === null) return;
      const { distance_mm, error_mm } = known;
      tick.style.left = `${part(distance_mm)}%`;
      whisker.style.left = `${part(distance_mm - error_mm)}%`;
      whisker.style.width = `${part(distance_mm + error_mm) - part(distance_mm - error_mm)}%`;
    },
  };
}

/** Told apart by how dense they are: within, risk, near, clear. */
function zoneStyle({ breach_mm, risk_mm, near_mm }: GuidedBands): string {
  const [breach, risk, near] = [part(breach_mm), part(risk_mm), part(near_mm)];
  return `linear-gradient(to right, var(--zone-in) ${breach}%, var(--zone-risk) ${breach}% ${risk}%, var(--zone-near) ${risk}% ${near}%, transparent ${near}%)`;
}

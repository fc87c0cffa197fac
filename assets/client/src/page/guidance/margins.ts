// Margins round the target: a slider each, and one for each side where they differ. The latest wish wins.

import { createHold, fold, keptRows, SLIDE_EVERY_MS, type GuidanceActions, type Part } from "./part";
import { element, setText } from "../element";
import { latestWins } from "../../wire/latest";
import { MINUS } from "../../model/figure";
import { SIDES, towardOf, withDistance, withSide, type MarginShape } from "../../model/margin_shape";
import { justified, sentenceCase } from "../../model/number_text";
import { may } from "../../model/self";
import type { AppStore } from "../../model/state";
import type { MarginBand } from "../../wire/messages";

const MARGIN_MM = { least: -10, most: 20, step: 0.5 };

/** A slider of millimetres with its figure; `slid` is called while a hand moves it. */
function millimetres(slid: (mm: number) => void): { readonly slider: HTMLInputElement; readonly figure: HTMLElement; show(mm: number): void } {
  const figure = element("output", { class: "figure" });
  const slider = element("input", { type: "range", min: MARGIN_MM.least, max: MARGIN_MM.most, step: MARGIN_MM.step, oninput: () => slid(slider.valueAsNumber) });
  return {
    slider,
    figure,
    show(mm) {
      if (slider.valueAsNumber !== mm) slider.value = String(mm);
      setText(figure, `${mm.toFixed(1).replace("-", MINUS)} mm`);
      slider.style.setProperty("--part", `${(100 * (slider.valueAsNumber - MARGIN_MM.least)) / (MARGIN_MM.most - MARGIN_MM.least)}%`);
    },
  };
}

export function margins(store: AppStore, actions: GuidanceActions): Part {
  const list = element("ul", { class: "rows margins" });
  const folded = fold("Margins", ["guide"], list);
  const draw = keptRows<MarginBand>(list, ({ id }) => id, (margin) => marginRow(store, actions, margin));
  return {
    element: folded.element,
    draw(guidance) {
      folded.follow(guidance);
      folded.element.hidden = guidance.margins.length === 0;
      draw(guidance.margins);
    },
  };
}

function marginRow(store: AppStore, { guide }: GuidanceActions, { id, distance_mm, toward_mm }: MarginBand): { readonly element: HTMLElement; draw(margin: MarginBand): void } {
  const send = latestWins((shape: MarginShape) => guide({ kind: "margin", margin: id, ...shape }), SLIDE_EVERY_MS);
  const hold = createHold();
  let shown: MarginShape = { distance_mm, toward_mm };
  /** Where the whole was when a hand began to move it: sides that stopped at the surface come back with it. */
  let from = shown;
  const set = (next: MarginShape): void => {
    hold.touch();
    shown = next;
    write();
    send(next);
  };
  const whole = millimetres((mm) => {
    if (!hold.isHeld) from = shown;
    set(withDistance(from, mm));
  });
  const sides = SIDES.map((_, side) => millimetres((mm) => set((from = withSide(shown, side, mm)))));
  const even = element("button", { class: "text", type: "button", onclick: () => set((from = { ...shown, toward_mm: null })) }, "Same on all sides");
  const group = element("div", { class: "by-side", id: `sides-${id}`, role: "group", hidden: true }, ...sides.map(({ slider, figure }, n) => element("label", {}, element("span", {}, sentenceCase(SIDES[n]!)), figure, slider)), even);
  const open = element("button", { class: "text", type: "button", "aria-expanded": "false", "aria-controls": group.id, onclick: () => {
    group.hidden = !group.hidden;
    open.setAttribute("aria-expanded", String(!group.hidden));
  } }, "By side");
  const [name, volume] = [element("span", { class: "label" }), element("span", { class: "detail figure" })];
  const write = (): void => {
    whole.show(shown.distance_mm);
    towardOf(shown).forEach((mm, n) => sides[n]!.show(mm));
    even.hidden = shown.toward_mm === null;
    group.classList.toggle("differs", shown.toward_mm !== null);
  };
  return {
    element: element("li", { class: "margin-row" }, name, whole.figure, whole.slider, volume, open, group),
    draw(margin) {
      const can = may(store.get(), "set_margin");
      setText(name, margin.name);
      group.setAttribute("aria-label", `${margin.name} by side`);
      open.setAttribute("aria-label", `${margin.name} by side`);
      whole.slider.setAttribute("aria-label", `${margin.name}, millimetres`);
      sides.forEach(({ slider }, n) => slider.setAttribute("aria-label", `${margin.name}, ${SIDES[n]!}, millimetres`));
      for (const { slider } of [whole, ...sides]) slider.disabled = !can;
      even.disabled = !can;
      setText(volume, [margin.volume_ml === null ? "" : justified(margin.volume_ml, margin.volume_ml / 20 || 1, "ml"), margin.toward_mm === null ? "" : "differs by side"].filter(Boolean).join(" · "));
      // What a hand holds is not moved by an answer to where it was.
      if (!hold.isHeld) shown = { distance_mm: margin.distance_mm, toward_mm: margin.toward_mm };
      write();
    },
  };
}

// Margins round the target: a slider each, and one for each side where they differ. The latest wish wins.

import { fold, keptRows, type GuidanceActions, type Part } from "./part";
import { element, setText } from "../element";
import { MarginHand } from "../../model/margin_hand";
import { MARGIN_MM, SIDES, towardOf } from "../../model/margin_shape";
import { justified, sentenceCase, tenths_mm } from "../../model/number_text";
import { may } from "../../model/self";
import type { AppStore } from "../../model/state";
import { latestWins, SLIDE_EVERY_MS } from "../../wire/latest";
import type { MarginBand } from "../../wire/messages";

/** A slider of millimetres with its figure; `slid` is called while a hand moves it. */
function millimetres(slid: (mm: number) => void): { readonly slider: HTMLInputElement; readonly figure: HTMLElement; show(mm: number): void } {
  const figure = element("output", { class: "figure" });
  const slider = element("input", { type: "range", min: MARGIN_MM.least, max: MARGIN_MM.most, step: MARGIN_MM.step, oninput: () => slid(slider.valueAsNumber) });
  return {
    slider,
    figure,
    show(mm) {
      if (slider.valueAsNumber !== mm) slider.value = String(mm);
      setText(figure, tenths_mm(mm));
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

function marginRow(store: AppStore, { guide }: GuidanceActions, first: MarginBand): { readonly element: HTMLElement; draw(margin: MarginBand): void } {
  const { id } = first;
  const hand = new MarginHand(latestWins((shape) => guide({ kind: "margin", margin: id, ...shape }), SLIDE_EVERY_MS));
  hand.follow(first);
  const whole = millimetres((mm) => moved(() => hand.whole(mm)));
  const sides = SIDES.map((_, side) => millimetres((mm) => moved(() => hand.side(side, mm))));
  const even = element("button", { class: "text", type: "button", onclick: () => moved(() => hand.even()) }, "Same on all sides");
  const group = element("div", { class: "by-side", id: `sides-${id}`, role: "group", hidden: true }, ...sides.map(({ slider, figure }, n) => element("label", {}, element("span", {}, sentenceCase(SIDES[n]!)), figure, slider)), even);
  const open = element("button", { class: "text", type: "button", "aria-expanded": "false", "aria-controls": group.id, onclick: () => {
    group.hidden = !group.hidden;
    open.setAttribute("aria-expanded", String(!group.hidden));
  } }, "By side");
  const [name, volume] = [element("span", { class: "label" }), element("span", { class: "detail figure" })];
  const write = (): void => {
    whole.show(hand.shape.distance_mm);
    towardOf(hand.shape).forEach((mm, n) => sides[n]!.show(mm));
    even.hidden = hand.shape.toward_mm === null;
    group.classList.toggle("differs", hand.shape.toward_mm !== null);
  };
  const moved = (move: () => void): void => {
    move();
    write();
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
      hand.follow(margin);
      write();
    },
  };
}

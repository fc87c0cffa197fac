// Ways to the target: one is chosen, and the tool told against it.

import { fold, keptRows, type GuidanceActions, type Part } from "./part";
import { element, setText } from "../element";
import { sentenceCase } from "../../model/number_text";
import { may } from "../../model/self";
import type { AppStore } from "../../model/state";
import type { Trajectory } from "../../wire/messages";

export function ways(store: AppStore, { guide }: GuidanceActions): Part {
  const list = element("ul", { class: "rows ways", role: "radiogroup", "aria-label": "Ways" });
  const folded = fold("Ways", ["guide"], list);
  const facts = ({ angle_deg, clearances, refused }: Trajectory): string => {
    if (refused) return sentenceCase(refused);
    const [least] = [...clearances].sort((a, b) => a.least_mm - b.least_mm);
    return [least ? `${least.name} ${least.least_mm.toFixed(1)} mm away` : "", angle_deg === null ? "" : `${angle_deg.toFixed(0)}° to the surface`].filter(Boolean).join(" · ");
  };
  const draw = keptRows<Trajectory>(list, ({ id }) => id, ({ id }) => {
    const [name, length, words] = [element("span", { class: "label" }), element("span", { class: "figure detail" }), element("span", { class: "detail facts-line" })];
    const isChosen = (): boolean => store.get().scene?.guidance?.chosen === id;
    const button = element("button", { class: "way", type: "button", role: "radio", onclick: () => guide({ kind: "choose", id: isChosen() ? null : id }) }, name, length, words);
    return {
      element: element("li", {}, button),
      draw(way) {
        setText(name, way.name);
        setText(length, `${Math.hypot(...way.entry_mm.map((x, n) => x - way.target_mm[n]!)).toFixed(0)} mm`);
        setText(words, facts(way));
        button.setAttribute("aria-checked", String(isChosen()));
        button.disabled = !may(store.get(), "set_margin") || way.refused !== "";
      },
    };
  });
  return {
    element: folded.element,
    draw(guidance) {
      folded.follow(guidance);
      folded.element.hidden = guidance.trajectories.length === 0;
      draw(guidance.trajectories);
    },
  };
}

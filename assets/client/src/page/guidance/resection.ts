// What a tracked cutting tool has taken away, and what is left.

import { fold, small, type GuidanceActions, type Part } from "./part";
import { element, setText } from "../element";
import { justified, withError } from "../../model/number_text";
import { may } from "../../model/self";
import type { AppStore } from "../../model/state";
import type { Resection } from "../../wire/messages";

export function resection(store: AppStore, { guide }: GuidanceActions): Part {
  const facts = element("dl", { class: "facts" });
  const cut = small("", () => guide({ kind: "cut", state: store.get().scene?.guidance?.resection?.cutting ? "stop" : "start" }));
  const undo = small("Take back", () => guide({ kind: "cut", state: "undo" }));
  const folded = fold("Resection", ["guide"], facts, element("div", { class: "row" }, cut, undo));
  const figures = (now: Resection): readonly (readonly [string, string])[] => {
    const half_ml = (now.remaining_most_ml - now.remaining_least_ml) / 2;
    return [
      ["Removed", justified(now.removed_ml, half_ml || 0.1, "ml")],
      ["Remaining", withError(now.remaining_ml, half_ml, "ml")],
      ["Least margin", now.margin_mm === null || now.margin_error_mm === null ? "–" : withError(now.margin_mm, now.margin_error_mm, "mm")],
      ...(now.unseen_s > 0 ? [["Tool unseen while cutting", `${now.unseen_s.toFixed(0)} s`] as const] : []),
    ];
  };
  return {
    element: folded.element,
    draw(guidance) {
      folded.follow(guidance);
      const now = guidance.resection;
      folded.element.hidden = now === null;
      if (now === null) return;
      facts.replaceChildren(...figures(now).flatMap(([name, value]) => [element("dt", {}, name), element("dd", { class: "figure" }, value)]));
      setText(cut, now.cutting ? "Stop cutting" : "Start cutting");
      undo.disabled = now.undo_count === 0;
      cut.hidden = undo.hidden = !may(store.get(), "register");
    },
  };
}

// How accurate the registration is expected to be, and was measured to be.

import { COUNT_EVERY_MS, type Part } from "./part";
import { element, setText } from "../element";
import { sentenceCase } from "../../model/number_text";
import { accuracyText, checkedText, dueText, trendText } from "../../model/session_words";
import type { Sight } from "../../model/sight";
import type { Store } from "../../model/store";
import type { Guidance } from "../../wire/messages";

export function accuracy(sights: Store<Sight | null>): Part {
  const line = element("p", { class: "big-figure accuracy" });
  const [checked, due, trend, words] = [element("p", { class: "hint" }), element("p", { class: "hint" }), element("p", { class: "trend", role: "alert" }), element("p", { class: "hint" })];
  const part = element("div", { class: "part" }, element("h3", {}, "Accuracy"), line, checked, due, trend, words);
  let now: Guidance["accuracy"] = null;
  const count = (): void => {
    if (now === null) return;
    const hub_s = sights.get()?.hub_s ?? null;
    setText(checked, checkedText(now, hub_s));
    setText(due, dueText(now, hub_s));
  };
  window.setInterval(count, COUNT_EVERY_MS);
  return {
    element: part,
    draw(guidance) {
      now = guidance.accuracy;
      part.hidden = now === null;
      if (now === null) return;
      setText(line, accuracyText(now) ?? "");
      setText(trend, trendText(now));
      setText(words, sentenceCase(now.words));
      count();
    },
  };
}

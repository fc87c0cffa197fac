// The plan, what tracks, the steps, and what to do next.

import type { Part } from "./part";
import { element, setText } from "../element";
import { DEVICE_WORDS, STEPS, stepState } from "../../model/session_words";

export function steps(): Part {
  const list = element("ol", { class: "steps" });
  const next = element("p", { class: "next" });
  const plan = element("h2", {});
  const device = element("p", { class: "hint device" });
  return {
    element: element("div", { class: "part" }, plan, device, list, next),
    draw(guidance) {
      setText(plan, guidance.plan);
      setText(next, guidance.next);
      const { name, state, words, simulated } = guidance.device;
      setText(device, `${name} · ${words || DEVICE_WORDS[state]}${simulated && !/simulated/i.test(name) ? " · simulated" : ""}`);
      device.dataset["state"] = state;
      list.replaceChildren(...STEPS.map(([step, word]) => {
        const now = stepState(guidance, step);
        return element("li", { "data-state": now, "aria-current": now === "now" ? "step" : null }, element("span", { class: "only-said" }, now === "done" ? "done: " : ""), word);
      }));
    },
  };
}

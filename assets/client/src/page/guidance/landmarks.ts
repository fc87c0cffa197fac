// Points to touch, and the skin to trace: by these one registers, and checks.

import { fold, keptRows, small, type GuidanceActions, type Part } from "./part";
import { element, setText } from "../element";
import { may } from "../../model/self";
import { hasCome, landmarkText } from "../../model/session_words";
import type { AppStore } from "../../model/state";
import type { GuidedLandmark } from "../../wire/messages";

export function landmarks(store: AppStore, { guide }: GuidanceActions): Part {
  const list = element("ul", { class: "rows landmarks" });
  const solve = small("Register from these", () => guide({ kind: "solve", headset: false }));
  const trace = small("Trace the skin", () => guide({ kind: "trace", state: "start" }));
  const traced = element("p", { class: "hint", role: "status" });
  const solveTraced = small("Register from the trace", () => guide({ kind: "trace", state: "stop" }));
  const folded = fold("Landmarks", ["register", "verify"], list, element("div", { class: "row" }, solve, trace), traced, solveTraced);
  const draw = keptRows<GuidedLandmark>(list, ({ id }) => id, ({ id }) => landmarkRow(store, id, guide));
  return {
    element: folded.element,
    draw(guidance) {
      folded.follow(guidance);
      folded.element.hidden = guidance.landmarks.length === 0;
      const canTouch = may(store.get(), "register");
      draw(guidance.landmarks);
      const isTracing = guidance.traced !== null;
      solve.hidden = !canTouch || guidance.step !== "register" || isTracing;
      trace.hidden = !canTouch || !hasCome(guidance, "register") || isTracing;
      setText(traced, isTracing ? `${guidance.traced} points traced. Draw the pointer over the skin, all round.` : "");
      solveTraced.hidden = !canTouch || !isTracing;
    },
  };
}

function landmarkRow(store: AppStore, id: string, guide: GuidanceActions["guide"]): { readonly element: HTMLElement; draw(landmark: GuidedLandmark): void } {
  let isTouched = false;
  const [name, detail] = [element("span", {}), element("span", { class: "detail" })];
  const touch = small("Touch", () => guide(isTouched ? { kind: "leave", landmark: id } : { kind: "collect", landmark: id }));
  const row = element("li", {}, element("span", { class: "mark", "aria-hidden": "true" }), element("span", { class: "label" }, name, detail), touch);
  return {
    element: row,
    draw(landmark) {
      isTouched = landmark.state === "touched";
      row.dataset["state"] = landmark.state;
      row.dataset["use"] = landmark.use;
      setText(name, landmark.name);
      setText(detail, landmarkText(landmark));
      setText(touch, isTouched ? "Again" : "Touch");
      touch.setAttribute("aria-label", `${isTouched ? "Touch again" : "Touch"}: ${landmark.name}`);
      touch.disabled = landmark.state === "touching";
      touch.hidden = !may(store.get(), "register");
    },
  };
}

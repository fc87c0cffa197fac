// Tools and how well their tips are known; a tip is found by turning the tool about it, or in the divot of a tracked block.

import { fold, keptRows, small, type GuidanceActions, type Part } from "./part";
import { element, setText } from "../element";
import { may } from "../../model/self";
import { upToTenth } from "../../model/session_words";
import type { AppStore } from "../../model/state";
import type { CalibrateAsk, GuidedTool } from "../../wire/messages";

type How = CalibrateAsk["how"];
const WAYS: readonly (readonly [how: How, word: string, words: string])[] = [
  ["pivot", "Turn", "Turn the tool about its resting tip, then press Done."],
  ["template", "In the block", "Hold the tip still in the block's divot, then press Done."],
];

export function tools(store: AppStore, { guide }: GuidanceActions): Part {
  const list = element("ul", { class: "rows tools-found" });
  const folded = fold("Tools", ["calibrate"], list);
  const draw = keptRows<GuidedTool>(list, ({ node }) => node, ({ node }) => {
    let [tool, underWay, isAsked]: [GuidedTool | null, How | null, boolean] = [null, null, false];
    const label = element("span", { class: "label" });
    const words = element("p", { class: "hint", role: "status" });
    const ask = (how: How, state: CalibrateAsk["state"]): void => {
      guide({ kind: "calibrate", tool: node, state, how });
      underWay = state === "start" ? how : null;
      show();
      (underWay === null ? again : done).focus();
    };
    const starts = WAYS.map(([how, word]) => small(word, () => ask(how, "start")));
    const done = small("Done", () => ask(underWay ?? "pivot", "stop"));
    const again = small("Calibrate again", () => {
      isAsked = true;
      show();
      starts[0]!.focus();
    });
    const show = (): void => {
      if (tool === null) return;
      const [can, isKnown] = [may(store.get(), "register"), tool.tip_error_mm !== null];
      for (const start of starts) start.hidden = !can || underWay !== null || (isKnown && !isAsked);
      done.hidden = !can || underWay === null;
      again.hidden = !can || underWay !== null || !isKnown || isAsked;
      setText(words, WAYS.find(([how]) => how === underWay)?.[2] ?? "");
    };
    return {
      element: element("li", { class: "stacked" }, label, words, element("div", { class: "row", role: "group" }, ...starts, done, again)),
      draw(now) {
        // Found: nothing is under way any more, whoever began it.
        if (tool !== null && now.tip_error_mm !== null && now.tip_error_mm !== tool.tip_error_mm) [underWay, isAsked] = [null, false];
        tool = now;
        setText(label, `${now.name}: ${now.tip_error_mm === null ? "not calibrated" : `tip ±${upToTenth(now.tip_error_mm)} mm`}`);
        for (const [button, word] of [[starts[0]!, "turn it about its tip"], [starts[1]!, "hold it in the block"], [done, "done"], [again, "again"]] as const) button.setAttribute("aria-label", `Calibrate ${now.name}: ${word}`);
        show();
      },
    };
  });
  return {
    element: folded.element,
    draw(guidance) {
      folded.follow(guidance);
      folded.element.hidden = guidance.tools.length === 0;
      draw(guidance.tools);
    },
  };
}

// What is read while the tool moves, at the head of the right column: the tool and how well it is known, the nearest
// structures, the way. Few things, large, always in the same place, and over no picture.

import { createBullseye } from "./bullseye";
import { createDistanceList } from "./distance_list";
import { element, setText } from "./element";
import { createFigureSheet } from "./figure_view";
import { LOOKS } from "../model/overlay";
import { anatomyWords, type Sight } from "../model/sight";
import { sentenceCase } from "../model/number_text";
import type { Store } from "../model/store";

/** Structures that are shown unasked. */
export const MOST_SHOWN = 3;

export function createHud(sights: Store<Sight | null>, unreadable: () => void): HTMLElement {
  const sheet = createFigureSheet(unreadable);
  const name = element("strong", { class: "tool-name" });
  const state = element("span", { class: "tool-state", role: "status" });
  const list = createDistanceList(sheet, MOST_SHOWN);
  const bullseye = createBullseye(sheet);
  const scene = element("p", { class: "overlay-words", role: "status" });
  const guess = element("p", { class: "overlay-words guess-words", role: "status" });
  const hud = element("section", { class: "hud", "aria-label": "Distances" }, element("header", {}, name, state), list.element, bullseye.element, guess, scene, sheet.reference);
  let isDrawing = false;
  const draw = (): void => {
    isDrawing = false;
    const sight = sights.get();
    const tool = sight?.tools[0];
    hud.hidden = sight === null || tool === undefined;
    if (sight === null || tool === undefined) return;
    hud.dataset["state"] = tool.told.shown;
    setText(name, tool.name);
    setText(state, tool.words || sentenceCase(LOOKS[tool.told.shown].word));
    list.draw(tool);
    bullseye.draw(sight);
    setText(guess, sight.guess);
    const words = anatomyWords(sight);
    // One reason is said once.
    const isSaid = tool.words !== "" && words.toLowerCase().includes(tool.words.toLowerCase());
    setText(scene, isSaid ? `The picture is ${LOOKS[sight.anatomy.shown].word}` : words);
    sheet.check();
  };
  // At once where a number must go; else with the next frame, which is as soon as anybody could see it.
  sights.watch((sight) => sight, (sight) => {
    const mustGo = sight === null || sight.tools[0]?.told.shown !== hud.dataset["state"];
    if (mustGo) draw();
    else if (!isDrawing) {
      isDrawing = true;
      requestAnimationFrame(draw);
    }
  });
  return hud;
}

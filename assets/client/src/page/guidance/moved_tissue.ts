// Soft tissue that moved since the scan: points that are touched again, and what is guessed from them.

import { fold, small, type GuidanceActions, type Part } from "./part";
import { element, setText } from "../element";
import { positionText } from "../../model/anatomical";
import { movedBy, movedText } from "../../model/moved_tissue";
import { may } from "../../model/self";
import { hasCome } from "../../model/session_words";
import type { AppStore } from "../../model/state";
import { setCursor } from "../../model/view";

export function movedTissue(store: AppStore, { guide }: GuidanceActions): Part {
  const badge = element("span", { class: "guess" }, "guess");
  const words = element("p", { class: "hint moved-words", role: "status" });
  const slices = element("p", { class: "hint" }, "The slices show the scan as it was.");
  const list = element("ol", { class: "rows" });
  const here = element("p", { class: "hint", id: "touch-again-where" });
  const touch = small("Touch again here", () => {
    const at = store.get().view.cursor_mm;
    if (at !== null) guide({ kind: "retouch", scan_mm: [...at] });
  }, { "aria-describedby": here.id });
  const move = small("Move tissue by these", () => guide({ kind: "deform", state: "apply" }));
  const back = small("Put back", () => guide({ kind: "deform", state: "forget" }));
  const folded = fold("Moved tissue", [], words, slices, list, element("div", { class: "row" }, move, back), here, touch);
  folded.summary.append(" ", badge);
  // The crosshair says which point of the scan is meant; while the slices follow the tip it is only where the tip is.
  const point = (): void => {
    const { cursor_mm, followsTip } = store.get().view;
    const isChosen = cursor_mm !== null && !followsTip;
    touch.disabled = !isChosen;
    setText(here, isChosen ? `Rest the pointer on what the slices show at ${positionText(cursor_mm).trim().replaceAll(/\s+/g, " ")}.` : "First point at it on a slice; the slices then no longer follow the tip.");
  };
  store.watch((s) => s.view.cursor_mm, point);
  store.watch((s) => s.view.followsTip, point);
  let drawn: unknown = null;
  return {
    element: folded.element,
    draw(guidance) {
      const { moved } = guidance;
      folded.follow(guidance);
      const [canTouch, canMove] = [may(store.get(), "register"), may(store.get(), "set_margin")];
      const points = moved?.points ?? [];
      folded.element.hidden = !hasCome(guidance, "verify") || (points.length === 0 && !canTouch);
      badge.hidden = slices.hidden = moved?.applied !== true;
      setText(words, movedText(moved));
      touch.hidden = here.hidden = !canTouch;
      move.hidden = back.hidden = !canMove || points.length === 0;
      const key = JSON.stringify([points, guidance.accuracy?.expected]);
      if (key === drawn) return;
      drawn = key;
      list.replaceChildren(...points.map((each, n) => element(
        "li", {}, element("span", { class: "label" }, `Point ${n + 1}`), element("span", { class: "figure" }, `moved ${movedBy(each, guidance)}`),
        small("Show", () => store.update((s) => setCursor(s, each.scan_mm)), { "aria-label": `Show point ${n + 1} on the slices` }),
      )));
    },
  };
}

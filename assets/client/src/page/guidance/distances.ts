// All distances, for who asks: the few that matter stand over the 3-D view.

import type { GuidanceActions } from "./part";
import { createDistanceList } from "../distance_list";
import { element } from "../element";
import { createFigureSheet } from "../figure_view";
import type { Sight } from "../../model/sight";
import type { Store } from "../../model/store";

export function distances(sights: Store<Sight | null>, { unreadable }: GuidanceActions): HTMLElement {
  const sheet = createFigureSheet(unreadable);
  const list = createDistanceList(sheet, Infinity);
  const details = element("details", { class: "fold" }, element("summary", {}, "All distances"), list.element, sheet.reference);
  const draw = (): void => {
    const tool = sights.get()?.tools[0];
    if (!details.open || tool === undefined) return;
    list.draw(tool);
    sheet.check();
  };
  details.addEventListener("toggle", draw);
  sights.watch((sight) => sight, draw);
  return details;
}

// The guidance session in the right column, part by part. Only there while something is guided.

import { element } from "./element";
import { accuracy } from "./guidance/accuracy";
import { distances } from "./guidance/distances";
import { landmarks } from "./guidance/landmarks";
import { margins } from "./guidance/margins";
import { movedTissue } from "./guidance/moved_tissue";
import { overlayPart } from "./guidance/overlay_part";
import type { GuidanceActions } from "./guidance/part";
import { resection } from "./guidance/resection";
import { steps } from "./guidance/steps";
import { tools } from "./guidance/tools";
import { warnings } from "./guidance/warnings";
import { ways } from "./guidance/ways";
import type { Sight } from "../model/sight";
import type { AppStore } from "../model/state";
import type { Store } from "../model/store";

export function createGuidancePanel(store: AppStore, sights: Store<Sight | null>, actions: GuidanceActions): HTMLElement {
  const parts = [
    steps(), accuracy(sights),
    ...[tools, landmarks, margins, ways, resection, movedTissue, warnings].map((part) => part(store, actions)),
  ];
  const section = element("section", { class: "panel-section grow guidance", "aria-label": "Guidance" }, ...parts.map((part) => part.element), distances(sights, actions), overlayPart(store, actions));
  const draw = (): void => {
    const guidance = store.get().scene?.guidance ?? null;
    section.hidden = guidance === null;
    if (guidance !== null) for (const part of parts) part.draw(guidance);
  };
  store.watch((state) => state.scene?.guidance, draw);
  store.watch((state) => state.self, draw);
  return section;
}

// The page's frame: bar, panels at both sides, the grid in the middle, the status line.

import type { Actions } from "./actions";
import { createAlarmBar } from "./alarm_bar";
import { createDetailsPanel } from "./details_panel";
import { createDisplayCheck } from "./display_check";
import { element } from "./element";
import { createGuidancePanel } from "./guidance_panel";
import { createHeadsetButtons, type HeadsetEntrance } from "./headset_buttons";
import { icon } from "./icon";
import { createHud } from "./hud";
import { createHelp, listenToKeys, type PageSwitches } from "./keyboard";
import { createCorrectBar } from "./correct_bar";
import { createMeasureHint } from "./measure_hint";
import { recall, remember } from "./memory";
import { createLostBanner, createNotice } from "./notice";
import { createPeople } from "./people";
import { createSidePanel } from "./side_panel";
import { createStatusLine } from "./status_line";
import { createStructuresPanel } from "./structures_panel";
import { createStudiesPanel } from "./studies_panel";
import { createToolbar } from "./toolbar";
import type { Sight } from "../model/sight";
import type { AppStore } from "../model/state";
import type { Store } from "../model/store";

function showTheme(theme: string): void {
  document.documentElement.dataset["theme"] = theme;
  remember("theme", theme);
}

function toggleTheme(): void {
  showTheme(document.documentElement.dataset["theme"] === "dark" ? "light" : "dark");
}

export function createFrame(store: AppStore, sights: Store<Sight | null>, actions: Actions, grid: HTMLElement, entrance: HeadsetEntrance, sample: () => number | null): HTMLElement {
  showTheme(recall("theme", "dark"));
  const left = createSidePanel("left", "Studies and structures", createStudiesPanel(store, actions), createStructuresPanel(store, actions));
  const displayCheck = createDisplayCheck();
  const help = createHelp(() => displayCheck.showModal());
  const guidance = createGuidancePanel(store, sights, {
    guide: (ask) => actions.guide(ask),
    overlayWords: () => `${actions.overlayTime()}. ${actions.overlayKept()}`,
    unreadable: () => actions.unreadable(),
    checkDisplay: () => displayCheck.showModal(),
  });
  const right = createSidePanel("right", "Guidance and selection", createHud(sights, () => actions.unreadable()), guidance, createDetailsPanel(store));
  const people = createPeople(store, actions.people);
  const toggle = (side: "left" | "right"): void => {
    const [panel, other] = side === "left" ? [left, right] : [right, left];
    panel.toggle();
    if (panel.isDrawer()) other.close();
  };
  const switches: PageSwitches = { theme: toggleTheme, help: () => help.showModal(), panel: toggle };
  // A drawer lies over the picture that was asked for from it.
  store.watch((s) => s.job, (job) => {
    if (job !== null && left.isDrawer()) left.close();
  });
  const toolbar = createToolbar(store, actions);
  toolbar.headset.append(createHeadsetButtons(entrance));
  const small = (name: Parameters<typeof icon>[0], label: string, press: () => void): HTMLButtonElement =>
    element("button", { class: "quiet", type: "button", title: label, "aria-label": label, onclick: press }, icon(name));
  toolbar.page.append(
    small("people", "People in this session", () => people.showModal()),
    small("left", "Left panel ([)", () => switches.panel("left")),
    small("right", "Right panel (])", () => switches.panel("right")),
    small("sun", "Dark or light (T)", toggleTheme),
    small("help", "Keys (?)", () => switches.help()),
  );
  listenToKeys(store, actions, switches);
  const middle = element("div", { class: "middle" }, grid, element("div", { class: "at-hand" }, createAlarmBar(store, sights, (ask) => actions.guide(ask), () => actions.isHeard()), createMeasureHint(store), createCorrectBar(store, actions)), createNotice(store, actions), element("div", { class: "drop-here", "aria-hidden": "true" }, "Drop to open"));
  return element(
    "div",
    { class: "frame" },
    toolbar.element,
    createLostBanner(store, actions),
    element("div", { class: "work-area" }, left.panel, left.edge, middle, right.edge, right.panel),
    createStatusLine(store, sample),
    help,
    displayCheck,
    people,
  );
}

// What is alarming now: a sign of its own shape, a word, a colour, what it is about, and asking for quiet.

import { element, setText } from "./element";
import { byUrgency, PRIORITY_WORDS, shownAlerts, shownText } from "../model/alarm";
import { lookOf } from "../model/overlay";
import type { Sight } from "../model/sight";
import type { AppStore } from "../model/state";
import type { Store } from "../model/store";
import type { Alert, QuietAsk } from "../wire/messages";

/** More at once are counted and not shown. */
const MOST_SHOWN = 3;
const HEAR_EVERY_MS = 500;
const SVG = "http://www.w3.org/2000/svg";

const SHAPES: Readonly<Record<string, string>> = {
  octagon: "M7 1h10l6 6v10l-6 6H7l-6-6V7Z",
  triangle: "M12 2 23 22H1Z",
  circle: "M12 1a11 11 0 1 1 0 22 11 11 0 0 1 0-22Z",
};
const MARK = "M12 7v7M12 17.5v.5";

function sign(alert: Alert): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "sign");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${PRIORITY_WORDS[alert.priority]}, ${alert.shape}`);
  for (const [name, d] of [["face", SHAPES[alert.shape] ?? SHAPES["octagon"]!], ["mark", MARK]] as const) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    path.setAttribute("class", name);
    svg.append(path);
  }
  return svg;
}

function card(alert: Alert, text: HTMLElement, quiet: (ask: QuietAsk) => void): HTMLElement {
  const ask = (how: QuietAsk["how"], words: string, why: string, enabled: boolean): HTMLButtonElement =>
    element("button", { class: "button", type: "button", disabled: !enabled, title: enabled ? "" : why, onclick: () => quiet({ kind: "quiet", alert: alert.id, how }) }, words);
  const blocked = "The tool was near and is not known: this is not silenced";
  const urgent = "What is this urgent can be silenced for a while, not put aside";
  const shown = element(
    "li",
    { class: `alarm ${alert.priority}`, "data-colour": alert.colour, "data-shape": alert.shape },
    sign(alert) as unknown as HTMLElement,
    element("strong", {}, PRIORITY_WORDS[alert.priority]),
    text,
    ask("silence", alert.sounds ? "Silence" : "Silent", blocked, alert.may_be_quiet && alert.sounds),
    ask("acknowledge", "Seen", alert.priority === "high" ? urgent : blocked, alert.may_be_quiet && alert.priority !== "high"),
  );
  shown.style.setProperty("--flash", alert.flashes_hz > 0 ? `${1 / alert.flashes_hz}s` : "0s");
  shown.toggleAttribute("data-flashes", alert.flashes_hz > 0);
  return shown;
}

export function createAlarmBar(store: AppStore, sights: Store<Sight | null>, quiet: (ask: QuietAsk) => void, isHeard: () => boolean): HTMLElement {
  const list = element("ul", { class: "alarms" });
  const said = element("div", { class: "only-said", role: "alert" });
  const more = element("span", { class: "more-alarms" });
  const mute = element("span", { class: "more-alarms" });
  const bar = element("section", { class: "alarm-bar", "aria-label": "Alarms" }, list, more, mute, said);
  let texts: { readonly alert: Alert; readonly text: HTMLElement }[] = [];
  const isTold = (): boolean => sights.get()?.tools.every(({ told }) => lookOf(told).hasNumber) ?? false;
  const write = (): void => {
    for (const { alert, text } of texts) setText(text, shownText(alert.text, isTold()));
  };
  const draw = (): void => {
    const alerts = byUrgency(shownAlerts(store.get()));
    texts = alerts.slice(0, MOST_SHOWN).map((alert) => ({ alert, text: element("span", { class: "alarm-text" }) }));
    write();
    list.replaceChildren(...texts.map(({ alert, text }) => card(alert, text, quiet)));
    setText(more, alerts.length > MOST_SHOWN ? `and ${alerts.length - MOST_SHOWN} more` : "");
    bar.hidden = alerts.length === 0;
    const [first] = alerts;
    // Said when it begins, and not again for every tenth of a millimetre.
    setText(said, first ? `${PRIORITY_WORDS[first.priority]}. ${shownText(first.text, false)}` : "");
  };
  store.watch((state) => state.scene?.alerts, draw);
  store.watch((state) => state.linkAlert, draw);
  // A browser sounds only after a press on its page.
  const hear = (): void => setText(mute, isHeard() || !shownAlerts(store.get()).some(({ sounds }) => sounds) ? "" : "No sound until this page is pressed once");
  window.setInterval(hear, HEAR_EVERY_MS);
  sights.watch(isTold, write);
  return bar;
}

// The line at the bottom: the notice that never leaves, the position, the connection.

import { element, setText } from "./element";
import { positionText } from "../model/anatomical";
import { registrationText } from "../model/freshness";
import { sentenceCase } from "../model/number_text";
import { volumeOf } from "../model/scene";
import type { AppStore } from "../model/state";

export const NOTICE = "Research use — not a medical device";

const CONNECTION = { connecting: "Connecting", live: "Live", lost: "Not connected" } as const;

const HUBS = { alone: "", together: "", "cut off": "Cut off from the session's other servers" } as const;

const RECORDING = { off: "", on: "Recording", failed: "Recording failed" } as const;

/** `sample` reads the value under the cursor; null where it is not known. */
export function createStatusLine(store: AppStore, sample: () => number | null): HTMLElement {
  const position = element("span", { class: "figure" });
  const value = element("span", { class: "figure" });
  const note = element("span", {});
  const connection = element("span", { class: "connection" });
  const draw = (): void => {
    const { view, scene, volume } = store.get();
    const unit = volumeOf(scene)?.quantity;
    const here = sample();
    setText(position, view.cursor_mm ? positionText(view.cursor_mm) : "");
    setText(value, here === null ? "" : `${Math.round(here)}${unit && unit !== "arbitrary" ? ` ${unit}` : ""}`);
    setText(note, volume.note ?? "");
  };
  store.watch((s) => s.view.cursor_mm, draw);
  store.watch((s) => s.volume, draw);
  store.watch((s) => s.connection, (now) => {
    setText(connection, CONNECTION[now]);
    connection.dataset["state"] = now;
  });
  const role = element("span", {});
  const recording = element("span", { class: "recording" });
  store.watch((s) => s.self, (self) => setText(role, self === null ? "" : sentenceCase(self.role)));
  store.watch((s) => s.recording, (now) => {
    setText(recording, RECORDING[now]);
    recording.dataset["state"] = now;
  });
  const hubs = element("span", { class: "cut-off", title: "Corrections and openings wait until they are heard again. What is shown elsewhere may differ." });
  store.watch((s) => s.hubs, (now) => setText(hubs, HUBS[now]));
  const registration = element("span", {});
  store.watch((s) => s.scene?.registration ?? null, (now) => setText(registration, registrationText(now) ?? ""));
  return element("footer", { class: "status" }, element("strong", {}, NOTICE), note, element("span", { class: "spacer" }), value, position, registration, hubs, recording, role, connection);
}

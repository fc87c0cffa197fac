// Starts the reading room (/read/): puts desk, wall, 3-D and headset together. The only place that knows them all.

import * as THREE from "three";

import { INITIAL_DESK, type Desk, type DeskStore } from "./model/reading/state";
import { createStore } from "./model/store";
import { comeIn } from "./page/come_in";
import { element } from "./page/element";
import { createReadingFrame } from "./page/reading/frame";
import { Lightbox } from "./page/reading/lightbox";
import { ReadingDesk } from "./reading/desk";
import { Solid } from "./reading/solid";
import { LoadedStudies } from "./reading/studies";
import { glbSource } from "./three/glb_source";
import { createStage, type PageStage } from "./three/stage";
import type { NextAsk } from "./wire/training_messages";
import { createReadingHeadset, type ReadingHeadset } from "./xr/reading/headset";

declare global {
  interface Window {
    reading?: { store: DeskStore; desk: ReadingDesk; stage: PageStage; xr: ReadingHeadset; ready: Promise<void>; Raycaster: typeof THREE.Raycaster };
  }
}

const TICK_MS = 100;

const store: DeskStore = createStore<Desk>(INITIAL_DESK);
const pane3d = element("div", { class: "pane pane-3d", hidden: true });
const stage = createStage(pane3d, glbSource, () => stage.invalidate());
const studies = new LoadedStudies(stage, (volume, part) => desk.setStudy(volume, part), (volume) => {
  lightbox.refresh(volume);
  stage.invalidate();
});
const desk: ReadingDesk = new ReadingDesk(store, studies);
const lightbox = new Lightbox(desk, (volume) => studies.voxels(volume));
const solid = new Solid(desk, stage, studies);
const xr = createReadingHeadset(stage, desk, studies);

document.getElementById("app")!.append(createReadingFrame(desk, lightbox.element, pane3d, xr));
store.watch((state) => state.is3d, (is3d) => {
  pane3d.hidden = !is3d;
  stage.resize();
  stage.invalidate();
});
new ResizeObserver(() => stage.resize()).observe(pane3d);
stage.onFrame(() => {
  studies.step();
  solid.step();
});
window.setInterval(() => desk.tick(), TICK_MS);
window.addEventListener("online", () => desk.retry());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") desk.tick();
});

/** What the address asks for, as an author or a course links to it: a certain case, or an exam. It is asked once. */
function asked(): NextAsk | null {
  const wanted = new URLSearchParams(location.search);
  const named = wanted.get("case");
  const isExam = wanted.get("mode") === "exam";
  if (named === null && !isExam) return null;
  history.replaceState(null, "", location.pathname);
  return named !== null ? { mode: "practice", case: named } : { mode: "exam", case: null };
}

const ready = comeIn().then(() => desk.arrive(asked()));
window.reading = { store, desk, stage, xr, ready, Raycaster: THREE.Raycaster };

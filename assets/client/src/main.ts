// Starts the page.

import { demoScene } from "./demo/phantom";
import { demoSurfaces } from "./demo/demo_surface";
import { receiveScene } from "./model/scene";
import { INITIAL_STATE, type AppStore } from "./model/state";
import { createStore } from "./model/store";
import { shownViews, surfaces } from "./model/structures";
import { glbSource } from "./three/glb_source";
import { createStage, type PageStage } from "./three/stage";

declare global {
  interface Window {
    sightline?: { store: AppStore; stage: PageStage; xr: unknown; ready: Promise<void> };
  }
}

const store: AppStore = createStore(INITIAL_STATE);
const demo = new URLSearchParams(location.search).has("demo");
const container = document.createElement("div");
container.id = "viewport3d";
document.getElementById("app")!.append(container);
const stage = createStage(container, demo ? demoSurfaces : glbSource, (drawn) => store.update((state) => ({ ...state, drawn })));
stage.resize();
store.watch((state) => state.scene, (scene) => {
  if (scene === null) return;
  stage.setHeadsetFromPatient(scene.headset_from_patient);
  stage.anatomy.setNodes(surfaces(scene));
});
store.watch((state) => shownViews(state.structures, state.solo), (views) => {
  stage.anatomy.paint(views, null);
  stage.invalidate();
});
if (demo) store.update((state) => receiveScene(state, demoScene()));
window.sightline = { store, stage, xr: null, ready: Promise.resolve() };

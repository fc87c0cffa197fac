// What a person does to structures: show, fade, colour, solo. Pure changes of the state.

import { LOOKS, type Shown } from "./overlay";
import type { State, StructureView } from "./state";
import type { Scene, SurfaceNode } from "../wire/messages";

/** The scene's surfaces, as the server ordered them. */
export function surfaces(scene: Scene | null): SurfaceNode[] {
  return scene?.nodes.filter((node) => node.kind === "surface") ?? [];
}

export function surfaceOf(scene: Scene | null, key: string): SurfaceNode | undefined {
  return surfaces(scene).find((node) => node.structure.key === key);
}

/** No denser than this, a structure is a veil: context round what matters, as fluid round the brain. */
const VEIL = 0.5;

/**
 * How structures are drawn before anybody touched them. Of the veils only the faintest (the body's outline) is shown:
 * several over one another would hide what they surround. A solid whole stands back behind its parts, whose surfaces
 * are its own.
 */
export function defaultViews(nodes: readonly SurfaceNode[]): Record<string, StructureView> {
  const faintest = Math.min(...nodes.map((node) => node.structure.opacity));
  const keys = new Set(nodes.map((node) => node.structure.key));
  // Of margins round margins the first is shown: one line to keep to.
  const margin = nodes.find((node) => node.structure.pattern !== "plain");
  const view = ({ structure: { key, opacity, colour, parts, pattern } }: SurfaceNode): StructureView => ({
    visible: pattern !== "plain" ? key === margin?.structure.key : opacity === faintest || (opacity > VEIL && !parts.some((key) => keys.has(key))),
    opacity,
    colour,
  });
  return Object.fromEntries(nodes.map((node) => [node.structure.key, view(node)]));
}

function change(state: State, key: string, part: Partial<StructureView>): State {
  const view = state.structures[key];
  if (view === undefined) return state;
  return { ...state, structures: { ...state.structures, [key]: { ...view, ...part } } };
}

export function setVisible(state: State, key: string, visible: boolean): State {
  return change(state, key, { visible });
}

/** Shows or hides what is seen now: under solo, asking for another structure ends the solo. */
export function toggleVisible(state: State, key: string): State {
  if (state.solo !== null && state.solo !== key) return setVisible({ ...state, solo: null }, key, true);
  const ended = { ...state, solo: null };
  return setVisible(ended, key, !isShown(state, key));
}

export function setOpacity(state: State, key: string, opacity: number): State {
  return change(state, key, { opacity: Math.min(1, Math.max(0, opacity)) });
}

export function setColour(state: State, key: string, colour: StructureView["colour"]): State {
  return change(state, key, { colour });
}

/** Only this structure; asked again, all as before. */
export function toggleSolo(state: State, key: string): State {
  return { ...state, solo: state.solo === key ? null : key };
}

export function showAll(state: State, visible: boolean): State {
  const entries = Object.entries(state.structures).map(([key, view]) => [key, { ...view, visible }] as const);
  return { ...state, solo: null, structures: Object.fromEntries(entries) };
}

export function resetStructures(state: State): State {
  return { ...state, solo: null, structures: defaultViews(surfaces(state.scene)) };
}

/** Whether the structure is drawn now, solo taken into account. */
export function isShown(state: State, key: string): boolean {
  if (state.solo !== null) return state.solo === key;
  return state.structures[key]?.visible ?? false;
}

/** Every structure's view with solo applied: what 3-D, slices and headset draw. */
export function shownViews(structures: State["structures"], solo: string | null): State["structures"] {
  if (solo === null) return structures;
  return Object.fromEntries(Object.entries(structures).map(([key, view]) => [key, { ...view, visible: key === solo }]));
}

/** Views as they are drawn when what stands still is no longer known to be so. */
export function aged(views: State["structures"], shown: Shown): State["structures"] {
  if (shown === "verified" || shown === "hidden") return views;
  return Object.fromEntries(Object.entries(views).map(([key, view]) => [key, { ...view, opacity: view.opacity * LOOKS[shown].opacity }]));
}

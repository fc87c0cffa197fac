// Only what belongs to the selection: a structure, a measurement; with nothing selected, the scan itself.

import { element } from "./element";
import { icon } from "./icon";
import { justified, sentenceCase, volumeError_ml, withError } from "../model/number_text";
import { volumeOf } from "../model/scene";
import type { AppStore, Measurement, State } from "../model/state";
import { surfaceOf } from "../model/structures";
import { length_mm, removeMeasurement, select } from "../model/view";
import type { SurfaceNode } from "../wire/messages";

type Fact = readonly [string, string];

function facts(list: readonly Fact[]): HTMLElement {
  return element("dl", { class: "facts" }, ...list.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function structureDetails(state: State, node: SurfaceNode): HTMLElement[] {
  const { structure } = node;
  const spacing = volumeOf(state.scene)?.spacing_mm;
  const error_ml = volumeError_ml(node.surface_area_mm2, spacing);
  const finest = node.lods[0];
  const made = structure.provenance;
  return [
    element("h2", {}, structure.name),
    element("p", { class: "big-figure" }, withError(node.volume_ml, error_ml, "ml")),
    element("p", { class: "hint" }, "The boundary is known to within one voxel; the error takes it as shifted the same way all round."),
    facts([
      ["Code", structure.code ? `${structure.code.meaning} (${structure.code.scheme} ${structure.code.value})` : "none"],
      ["Surface", justified(node.surface_area_mm2 / 100, node.surface_area_mm2 / 5000, "cm²")],
      ["Closed", node.closed ? "yes" : "no: the volume is an estimate"],
      ["Triangles", finest ? finest.triangles.toLocaleString("en") : "—"],
    ]),
    element("h3", {}, "Made by"),
    facts([
      ["Pipeline", `${made.pipeline} ${made.version}`],
      ...Object.entries(made.parameters).map(([name, value]) => [name.replaceAll("_", " "), value] as const),
      ...(node.corrected_by.length > 0 ? [["Corrected", `by hand (${node.corrected_by.join(", ")})`] as const] : []),
      ...(made.synthetic ? [["Data", "synthetic"] as const] : []),
    ]),
  ];
}

function measurementText(measurement: Measurement): string {
  return withError(length_mm(measurement), measurement.error_mm, "mm");
}

function measurementDetails(measurement: Measurement): HTMLElement[] {
  return [
    element("h2", {}, `Distance ${measurement.id}`),
    element("p", { class: "big-figure" }, measurementText(measurement)),
    element("p", { class: "hint" }, "The error is how well both ends can be placed: the voxel size, and on surfaces their detail."),
    facts([["Measured", { surface: "on surfaces", slice: "on a slice", headset: "in the headset" }[measurement.where]]]),
  ];
}

/** With a capital, but for names of pipelines, which are what they are. */
function sentence(text: string): string {
  const whole = text.endsWith(".") ? text : `${text}.`;
  return /^[a-z]+(?![a-z-])/.test(whole) ? sentenceCase(whole) : whole;
}

function scanDetails(state: State): HTMLElement[] {
  const volume = volumeOf(state.scene);
  if (state.scene === null) return [element("p", { class: "hint" }, "Details of what you select appear here.")];
  const warnings = state.scene.warnings.map((warning) => element("li", {}, sentence(warning)));
  const scan: Fact[] = volume
    ? [
        ["Modality", volume.modality || "unknown"],
        ["Voxels", volume.shape.join(" × ")],
        ["Spacing", `${volume.spacing_mm.map((s) => String(Number(s.toPrecision(3)))).join(" × ")} mm`],
        ["Values", volume.quantity === "arbitrary" ? "no physical unit" : volume.quantity],
      ]
    : [];
  return [
    element("h2", {}, "Scan"),
    facts(scan),
    warnings.length > 0 ? element("h3", {}, "To know") : element("span"),
    element("ul", { class: "warnings" }, ...warnings),
    element("p", { class: "hint" }, "Select a structure, in the list or in 3-D, to read its volume and where it came from."),
  ];
}

function measurementList(store: AppStore, state: State): HTMLElement[] {
  if (state.measurements.length === 0) return [];
  const rows = state.measurements.map((each) => {
    const selected = state.selection?.kind === "measurement" && state.selection.id === each.id;
    const choose = (): void => store.update((s) => select(s, { kind: "measurement", id: each.id }));
    return element(
      "li",
      { class: selected ? "measurement selected" : "measurement" },
      element("button", { class: "name", type: "button", "aria-pressed": String(selected), onclick: choose }, element("span", { class: "label" }, `Distance ${each.id}`), element("span", { class: "figure" }, measurementText(each))),
      element("button", { class: "quiet", type: "button", "aria-label": `Delete distance ${each.id}`, title: "Delete", onclick: () => store.update((s) => removeMeasurement(s, each.id)) }, icon("close")),
    );
  });
  return [element("h3", {}, "Measurements"), element("ul", { class: "measurements" }, ...rows)];
}

function details(state: State): HTMLElement[] {
  const { selection } = state;
  if (selection?.kind === "structure") {
    const node = surfaceOf(state.scene, selection.key);
    if (node) return structureDetails(state, node);
  }
  if (selection?.kind === "measurement") {
    const measurement = state.measurements.find((each) => each.id === selection.id);
    if (measurement) return measurementDetails(measurement);
  }
  return scanDetails(state);
}

export function createDetailsPanel(store: AppStore): HTMLElement {
  const body = element("section", { class: "panel-section grow", "aria-label": "Selection" });
  // Beside a guidance session only what was chosen has room.
  const draw = (): void => {
    const state = store.get();
    body.hidden = state.scene?.guidance != null && state.selection === null && state.measurements.length === 0;
    body.replaceChildren(...details(state), ...measurementList(store, state));
  };
  store.watch((s) => s.selection, draw);
  store.watch((s) => s.measurements, draw);
  store.watch((s) => s.scene, draw);
  return body;
}

// After reveal: what was there, what became of each mark, and why; then the next step. No score without its reason.

import { element } from "../element";
import { icon } from "../icon";
import { abilityText, calibrationPoints, calibrationWords, markWords, missWords, percent, SCALES, signed } from "../../model/reading/words";
import type { ReadingDesk } from "../../reading/desk";
import { showFinding } from "../../reading/show_me";
import type { AbilityTold, Band, FindingTold, MarkTold, TaskTold, Told } from "../../wire/training_messages";

export function createFeedbackPanel(desk: ReadingDesk): HTMLElement {
  const panel = element("aside", { class: "task-panel feedback", "aria-label": "What was there" });
  desk.store.watch((state) => state.told, (told) => {
    panel.replaceChildren(...(told === null ? [] : contents(told, desk)));
    panel.scrollTop = 0;
  });
  desk.store.watch((state) => state.shown, (shown) => {
    for (const row of panel.querySelectorAll<HTMLElement>("[data-shows]")) row.classList.toggle("selected", row.dataset["shows"] === shown);
  });
  return panel;
}

function contents(told: Told, desk: ReadingDesk): Node[] {
  const sections = [summary(told), findings(told, desk), marks(told, desk), tasks(told), layers(told), calibration(told), viewed(told), abilities(told), peers(told.peers, told), references(told)];
  return [...sections.filter((each) => each !== null), nextStep(told, desk)];
}

function section(title: string, ...children: (Node | string)[]): HTMLElement {
  return element("section", { class: "panel-section" }, element("h3", {}, title), ...children);
}

function summary(told: Told): HTMLElement {
  const sought = told.findings.filter(({ became }) => became !== "not asked");
  const found = sought.filter(({ became }) => became === "found").length;
  const wrong = told.marks.filter(({ became }) => became === "false").length;
  const head = sought.length === 0 ? (wrong === 0 ? "Nothing was there, and you marked nothing" : "Nothing was there") : `${found} of ${sought.length} found`;
  const aside = wrong === 0 ? [] : [element("p", { class: "quiet-text" }, wrong === 1 ? "One mark lay where nothing is." : `${wrong} marks lay where nothing is.`)];
  const synthetic = told.synthetic ? [element("p", { class: "quiet-text synthetic" }, "Simulated, wholly or in part: what was put in is known exactly.")] : [];
  return element("section", { class: "panel-section outcome" }, element("h2", {}, head), ...aside, ...(told.says === null ? [] : [element("p", {}, told.says)]), ...synthetic);
}

function findings(told: Told, desk: ReadingDesk): HTMLElement | null {
  if (told.findings.length === 0) return null;
  const row = (finding: FindingTold): HTMLElement => {
    const became = { found: "Found", missed: "Missed", "not asked": "Not asked for" }[finding.became];
    const slices = `slice ${finding.slices[0] + 1}, seen on ${finding.slices[1] + 1} to ${finding.slices[2] + 1}`;
    const missed = missWords(finding);
    return element("li", { class: `told ${finding.became.replace(" ", "-")}`, "data-shows": finding.id },
      element("div", { class: "row spread" }, element("span", { class: "told-name" }, finding.name), element("span", { class: "became" }, became)),
      element("p", { class: "quiet-text figure" }, slices),
      ...(finding.why === null ? [] : [element("p", {}, finding.why)]),
      ...(missed === null ? [] : [element("p", { class: "quiet-text" }, missed)]),
      element("button", { class: "button", type: "button", onclick: () => showFinding(desk, finding.id) }, icon("eye"), "Show me"));
  };
  return section("What was there", element("ul", { class: "told-list" }, ...told.findings.map(row)));
}

function marks(told: Told, desk: ReadingDesk): HTMLElement | null {
  const others = told.marks.filter(({ became }) => became !== "found");
  if (others.length === 0) return null;
  const row = (mark: MarkTold): HTMLElement => {
    return element("li", { class: `told ${mark.became}`, "data-shows": mark.id },
      element("div", { class: "row spread" }, element("span", { class: "told-name" }, mark.became === "false" ? "A mark where nothing is" : "A mark too many"), element("span", { class: "became figure" }, `${percent(mark.confidence)} sure`)),
      element("p", {}, markWords(mark)),
      element("button", { class: "button", type: "button", onclick: () => showFinding(desk, mark.id) }, icon("eye"), "Show me"));
  };
  return section("Your other marks", element("ul", { class: "told-list" }, ...others.map(row)));
}

function tasks(told: Told): HTMLElement {
  const row = (task: TaskTold): HTMLElement =>
    element("li", { class: "told" },
      element("div", { class: "row spread" }, element("span", { class: "told-name" }, task.prompt), element("span", { class: "share figure", title: `of ${task.points} points` }, percent(task.share))),
      element("div", { class: "meter", role: "img", "aria-label": `${percent(task.share)} of the points` }, element("span", { style: `width: ${100 * task.share}%` })),
      element("p", {}, task.why),
      element("dl", { class: "facts" }, element("dt", {}, "You said"), element("dd", {}, task.said || "nothing"), element("dt", {}, "Right"), element("dd", {}, task.right)));
  return section("Your answers", element("ul", { class: "told-list" }, ...told.tasks.map(row)));
}

function layers(told: Told): HTMLElement | null {
  return told.layers.length === 0 ? null : section("To take along", ...told.layers.map((text) => element("p", {}, text)));
}

/** Confidence to the right, outcome in two rows: where one would be surer than right shows by itself. */
function calibration(told: Told): HTMLElement | null {
  const points = calibrationPoints(told.marks, told.tasks);
  const words = calibrationWords(points);
  if (words === null) return null;
  const dots = (isRight: boolean): HTMLElement[] => points.filter(({ right }) => right >= 0.5 === isRight).map(({ confidence, of }) => element("span", { class: "dot", style: `left: ${100 * confidence}%`, title: `${of}: ${percent(confidence)} sure` }));
  const strip = (name: string, isRight: boolean): HTMLElement => element("div", { class: `strip ${isRight ? "right-row" : "wrong-row"}` }, element("span", { class: "strip-name" }, name), element("span", { class: "strip-line" }, ...dots(isRight)));
  return section("How sure, and how right", element("p", {}, words), strip("Right", true), strip("Not right", false), element("div", { class: "strip-scale quiet-text" }, element("span", {}, "unsure"), element("span", {}, "certain")));
}

function viewed({ coverage, coverage_by, minutes }: Told): HTMLElement | null {
  if (coverage === null) return null;
  const by = coverage_by === "eyes" ? "by eye tracking" : coverage_by === "head" ? "by where the head pointed; the eyes were not tracked" : "by what was on screen and where the pointer was; the eyes were not tracked";
  return section("What you viewed", element("p", {}, `${percent(coverage)} of what was to be searched was viewed, in ${minutes < 1 ? "under a minute" : `${Math.round(minutes)} min`} (${by}).`));
}

/** From -3 to +3 on the ability's scale. */
const place = (value: number): number => Math.min(100, Math.max(0, (100 * (value + 3)) / 6));

function abilities(told: Told): HTMLElement | null {
  if (told.abilities.length === 0) return null;
  const row = (ability: AbilityTold): HTMLElement => {
    const change = ability.before === null ? "first estimate" : `${signed(ability.mean - ability.before)} by this case`;
    return element("li", { class: "ability" },
      element("div", { class: "row spread" }, element("span", { title: SCALES[ability.scale].says }, SCALES[ability.scale].name), element("span", { class: "figure quiet-text" }, change)),
      element("div", { class: "interval", role: "img", "aria-label": abilityText(ability) },
        element("span", { class: "range", style: `left: ${place(ability.low)}%; width: ${place(ability.high) - place(ability.low)}%` }),
        ...(ability.before === null ? [] : [element("span", { class: "before", style: `left: ${place(ability.before)}%` })]),
        element("span", { class: "mean", style: `left: ${place(ability.mean)}%` })),
      element("p", { class: "figure quiet-text" }, abilityText(ability)));
  };
  return section("Your ability, with its uncertainty", element("ul", { class: "abilities" }, ...told.abilities.map(row)), element("p", { class: "hint" }, "0 is an average learner. The bar is where the ability lies in 95 of 100 such cases."));
}

function peers(band: Band | null, told: Told): HTMLElement {
  if (band === null) return section("Others", element("p", { class: "quiet-text" }, "Too few have read this case to compare."));
  const points = told.tasks.reduce((sum, task) => sum + task.points, 0);
  const share = points > 0 ? told.tasks.reduce((sum, task) => sum + task.share * task.points, 0) / points : 0;
  return section("Others", element("p", {}, `The middle half of ${band.count} readers got ${percent(band.low)} to ${percent(band.high)} of the points; you, ${percent(share)}.`),
    element("div", { class: "interval band" }, element("span", { class: "range", style: `left: ${100 * band.low}%; width: ${100 * (band.high - band.low)}%` }), element("span", { class: "mean", style: `left: ${100 * share}%` })));
}

function references({ references: list }: Told): HTMLElement | null {
  return list.length === 0 ? null : section("Read on", element("ul", { class: "references" }, ...list.map((text) => element("li", {}, text))));
}

function nextStep(told: Told, desk: ReadingDesk): HTMLElement {
  return element("section", { class: "panel-section next-step" }, element("p", {}, told.next_step), element("button", { class: "button primary large", type: "button", onclick: () => void desk.next() }, "Next case"));
}

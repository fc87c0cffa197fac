// The educator's page: who needs help, what each question tells, and both as tables to take away.

import uPlot from "uplot";

import { abilityCell, estimate, percent, sortable, type Column } from "./educator/table";
import { comeIn } from "./page/come_in";
import { element } from "./page/element";
import { recall } from "./page/memory";
import { call, Refused, Unreachable } from "./wire/call";
import type { Cohort, ItemStatistics, LearnerRow, Scale } from "./wire/author_messages";

const SCALES: readonly Scale[] = ["detection", "characterisation", "diagnosis", "management"];
const SCALE_NAMES: Record<Scale, string> = { detection: "Detection", characterisation: "Characterisation", diagnosis: "Diagnosis", management: "Management" };

document.documentElement.dataset["theme"] = recall("theme", "dark");

const page = element("main", { class: "educator" });
const link = (href: string, name: string): HTMLElement => element("a", { class: "tool", href }, name);
document.getElementById("app")!.append(
  element("div", { class: "frame" },
    element("header", { class: "bar" }, element("span", { class: "word" }, "Sightline"), element("span", { class: "title" }, "Cohort and questions"), element("nav", {}, link("/author", "Make a case"))),
    page),
);

const day = (seconds: number | null): string => (seconds === null ? "never" : new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" }).format(seconds * 1000));
const nothing = (title: string, words: string, ...tools: HTMLElement[]): HTMLElement => element("div", { class: "nothing", role: "status" }, element("h2", {}, title), element("p", {}, words), ...tools);
const csv = (name: string): HTMLElement => element("a", { class: "button", href: `/api/training/educator/${name}.csv`, download: `${name}.csv` }, "Export CSV");

function block(title: string, tool: HTMLElement | null, ...children: HTMLElement[]): HTMLElement {
  return element("section", { class: "block" }, element("div", { class: "row spread" }, element("h2", {}, title), tool), ...children);
}

// --- cohort -----------------------------------------------------------------------------------

const abilityOf = (row: LearnerRow, scale: Scale): LearnerRow["abilities"][number] | undefined => row.abilities.find((one) => one.scale === scale);

const COHORT: readonly Column<LearnerRow>[] = [
  { name: "Trainee", cell: (row) => row.name, value: (row) => row.name },
  { name: "Cases", isNumber: true, cell: (row) => String(row.cases), value: (row) => row.cases },
  { name: "Last read", isNumber: true, cell: (row) => day(row.last_read_s), value: (row) => row.last_read_s ?? 0 },
  { name: "Findings missed", isNumber: true, cell: (row) => estimate(row.missed, percent), value: (row) => row.missed?.mean ?? -1 },
  ...SCALES.map((scale): Column<LearnerRow> => ({
    name: SCALE_NAMES[scale], isNumber: true, cell: (row) => abilityCell(abilityOf(row, scale)), value: (row) => abilityOf(row, scale)?.now.mean ?? -9,
  })),
];

// --- items ------------------------------------------------------------------------------------

const decimal = (value: number): string => value.toFixed(1).replace("-", "−");

const ITEMS: readonly Column<ItemStatistics>[] = [
  { name: "Question", cell: (item) => element("span", {}, element("span", { class: "prompt" }, item.prompt), element("span", { class: "range" }, `${item.title} · ${SCALE_NAMES[item.scale].toLowerCase()}`), item.says ? element("span", { class: "says" }, item.says) : null), value: (item) => item.prompt },
  { name: "Answers", isNumber: true, cell: (item) => String(item.count), value: (item) => item.count },
  { name: "Difficulty", isNumber: true, cell: (item) => estimate(item.difficulty, decimal), value: (item) => item.difficulty?.mean ?? -9 },
  { name: "Discrimination", isNumber: true, cell: (item) => estimate(item.discrimination, decimal), value: (item) => item.discrimination?.mean ?? -9 },
  { name: "Missed", isNumber: true, cell: (item) => estimate(item.missed, percent), value: (item) => item.missed?.mean ?? -1 },
  { name: "Median time", isNumber: true, cell: (item) => (item.median_s === null ? "—" : item.median_s < 90 ? `${Math.round(item.median_s)} s` : `${Math.round(item.median_s / 60)} min`), value: (item) => item.median_s ?? -1 },
  { name: "Most chosen wrong answer", cell: (item) => (item.wrong ? element("span", { class: "wrong" }, item.wrong.text, element("span", { class: "range" }, `${percent(item.wrong.share)} of answers`)) : "—"), value: (item) => item.wrong?.share ?? -1 },
];

// --- charts -----------------------------------------------------------------------------------

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function axis(label: string, more: uPlot.Axis = {}): uPlot.Axis {
  const grid = { stroke: colour("--line"), width: 1 };
  return { label, stroke: colour("--quiet"), grid, ticks: grid, font: "12px Inter Variable", labelFont: "12px Inter Variable", labelSize: 18, ...more };
}

function chart(title: string, words: string, make: (width: number) => uPlot): HTMLElement {
  const holder = element("div");
  const root = element("section", { class: "chart" }, element("h3", {}, title), element("p", { class: "hint" }, words), holder);
  let drawn: uPlot | null = null;
  new ResizeObserver(() => {
    const width = Math.floor(holder.clientWidth);
    if (width === 0) return;
    if (drawn === null) {
      drawn = make(width);
      holder.append(drawn.root);
    } else if (drawn.width !== width) drawn.setSize({ width, height: drawn.height });
  }).observe(holder);
  return root;
}

const HEIGHT = 240;

/** The mean of the cohort's abilities over time, with the middle half. */
function progressChart(cohort: Cohort): HTMLElement {
  const times = [...new Set(cohort.learners.flatMap(({ history }) => history.map(([at]) => at)))].sort((a, b) => a - b);
  const latest = (row: LearnerRow, at: number): number | undefined => row.history.filter(([when]) => when <= at).at(-1)?.[1];
  const part = (share: number): (number | null)[] => times.map((at) => {
    const values = cohort.learners.map((row) => latest(row, at)).filter((one) => one !== undefined).sort((a, b) => a - b);
    return values.length === 0 ? null : values[Math.min(values.length - 1, Math.floor(share * values.length))]!;
  });
  const quiet = colour("--quiet");
  return chart("Ability over time", "Middle of the cohort, and its middle half. 0 is an average learner.", (width) => new uPlot({
    width, height: HEIGHT, legend: { show: false }, cursor: { y: false },
    scales: { x: { time: true } },
    series: [{}, { stroke: quiet, width: 1, dash: [4, 4], points: { show: false } }, { stroke: colour("--accent"), width: 2, points: { show: false } }, { stroke: quiet, width: 1, dash: [4, 4], points: { show: false } }],
    bands: [{ series: [3, 1], fill: `${colour("--accent")}22` }],
    axes: [axis(""), axis("Standard deviations of learners")],
  }, [times, part(0.25), part(0.5), part(0.75)]));
}

/** Each question by how hard it is and how well it tells those who know from those who do not. */
function itemChart(items: readonly ItemStatistics[]): HTMLElement {
  const known = items.filter((item) => item.difficulty && item.discrimination).sort((a, b) => a.difficulty!.mean - b.difficulty!.mean);
  return chart("What questions tell", "To the right: harder. Higher: those who know more do better. Near 0 or below, look at the question.", (width) => new uPlot({
    width, height: HEIGHT, legend: { show: false }, cursor: { show: false },
    scales: { x: { time: false, range: [-4, 4] }, y: { range: [-0.4, 1] } },
    series: [{}, { paths: () => null, points: { show: true, size: 9, fill: colour("--accent"), stroke: colour("--panel"), width: 1 } }],
    axes: [axis("Difficulty"), axis("Discrimination")],
  }, [known.map((item) => item.difficulty!.mean), known.map((item) => item.discrimination!.mean)]));
}

// --- the page ---------------------------------------------------------------------------------

function show(cohort: Cohort, items: readonly ItemStatistics[]): void {
  if (cohort.learners.length === 0) {
    page.replaceChildren(nothing("Nobody has read a case yet", "Trainees who come in with a code appear here, with what they find and miss.", element("a", { class: "button primary", href: "/author" }, "Make a case")));
    return;
  }
  const needing = cohort.learners.filter(({ needs }) => needs !== null);
  page.replaceChildren(
    element("div", {}, element("h1", {}, `${cohort.learners.length} trainees, ${cohort.readings} cases read`), element("p", { class: "hint" }, `As of ${new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(cohort.as_of_s * 1000)}. Intervals are 95 %.`)),
    block(needing.length === 0 ? "Nobody stands out as needing help" : `Who needs help (${needing.length})`, null,
      element("div", { class: "help-list" }, ...needing.map((row) => element("div", { class: "help-card" }, element("strong", {}, row.name), element("span", {}, row.needs))))),
    block("Cohort", csv("cohort"), sortable(COHORT, cohort.learners, "Cohort"),
      element("p", { class: "hint legend" }, element("span", {}, "Abilities in standard deviations of learners, from −3 to 3; the line is an average learner."), element("span", {}, "● now, with its interval"), element("span", {}, "○ a month ago"))),
    element("div", { class: "charts" }, ...(cohort.learners.some(({ history }) => history.length > 1) ? [progressChart(cohort)] : []), ...(items.some((item) => item.discrimination) ? [itemChart(items)] : [])),
    items.length === 0 ? nothing("No question has been answered yet", "Difficulty, discrimination, misses and time appear once some have.") : block("Questions", csv("items"), sortable(ITEMS, items, "Questions")),
  );
}

async function load(): Promise<void> {
  page.replaceChildren(element("p", { class: "hint", role: "status" }, "Looking at readings…"));
  try {
    const [cohort, items] = await Promise.all([call<Cohort>("GET", "/api/training/educator/cohort"), call<ItemStatistics[]>("GET", "/api/training/educator/items")]);
    show(cohort, items);
  } catch (error) {
    const failure = error instanceof Refused ? error.failure : { summary: "Something went wrong in this page.", remedy: "Reload it." };
    const again = element("button", { class: "button primary", type: "button", onclick: () => void load() }, "Try again");
    page.replaceChildren(nothing(error instanceof Unreachable ? "Not connected" : failure.summary, failure.remedy ?? failure.summary, again));
  }
}

void comeIn().then(load);

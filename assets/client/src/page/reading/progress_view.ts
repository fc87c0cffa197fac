// A trainee's own page: ability over time with its interval, what was covered, what is due.

import UPlot from "uplot";

import { element } from "../element";
import { abilityText, SCALES } from "../../model/reading/words";
import type { ReadingDesk } from "../../reading/desk";
import { Refused } from "../../wire/call";
import { erase } from "../../wire/training";
import type { AbilityOver, CaseRead, Due, Progress, TopicRead } from "../../wire/training_messages";

const HEIGHT_PX = 170;
const LINE = "#5fd0e0";
const BAND = "rgba(95, 208, 224, 0.16)";
const AXIS = "#9fb0bc";
const GRID = "#1b242c";
const DAY_S = 86_400;
const MOST_READ = 8;

export function createProgressView(desk: ReadingDesk): HTMLElement {
  const view = element("section", { class: "progress-view", "aria-label": "Your progress" });
  let charts: UPlot[] = [];
  desk.store.watch((state) => (state.phase === "progress" ? state.progress : null), (progress) => {
    for (const chart of charts) chart.destroy();
    charts = [];
    if (progress === null) {
      view.replaceChildren();
      return;
    }
    const holders = progress.abilities.filter(({ over }) => over.length > 0).map((curve) => card(curve));
    view.replaceChildren(head(progress, desk), ...(holders.length > 0 ? [element("div", { class: "charts" }, ...holders.map(({ element: each }) => each))] : [element("p", { class: "quiet-text" }, "Nothing is known of your abilities yet. Read a case: each answer tells a little.")]), element("div", { class: "charts" }, covered(progress.curriculum), due(progress.reviews), read(progress.readings)));
    charts = holders.map(({ element: holder, curve }) => chart(holder, curve));
  });
  new ResizeObserver(() => {
    for (const each of charts) each.setSize({ width: widthOf(each.root.parentElement!), height: HEIGHT_PX });
  }).observe(view);
  return view;
}

function head(progress: Progress, desk: ReadingDesk): HTMLElement {
  const count = progress.readings.length;
  return element("div", { class: "row spread progress-head" },
    element("div", {}, element("h2", {}, "Your progress"), element("p", { class: "quiet-text" }, count === 0 ? "No case was read yet." : `${count} ${count === 1 ? "case" : "cases"} read`)),
    element("div", { class: "row" }, element("a", { class: "button", href: "/api/training/me/export", download: "my-readings.zip", title: "Everything that is kept of you, as a ZIP" }, "Take my data"), eraseButton(desk), element("button", { class: "button", type: "button", onclick: () => desk.leaveProgress() }, "Back")));
}

/** Everything kept of a trainee goes, once their name is written: nobody does so by a slip. */
function eraseButton(desk: ReadingDesk): HTMLElement {
  const name = desk.store.get().learner?.name ?? "";
  const typed = element("input", { type: "text", "aria-label": "Your name, to confirm", placeholder: name });
  const why = element("p", { class: "trouble", role: "alert" });
  const sure = element("dialog", { class: "card", "aria-label": "Erase my data" },
    element("h2", {}, "Erase everything that is kept of you?"),
    element("p", {}, `Your readings, answers and abilities go for good; nothing brings them back. Write “${name}” to go on.`),
    typed, why,
    element("div", { class: "row" },
      element("button", { class: "button", type: "button", onclick: () => sure.close() }, "Keep everything"),
      element("button", { class: "button danger", type: "button", onclick: () => void go() }, "Erase for good")));
  const go = async (): Promise<void> => {
    try {
      await erase(typed.value);
      location.reload();
    } catch (error) {
      why.textContent = error instanceof Refused ? error.failure.summary : "The server does not answer; nothing was erased.";
    }
  };
  return element("span", {}, element("button", { class: "button", type: "button", onclick: () => sure.showModal() }, "Erase my data"), sure);
}

function card(curve: AbilityOver): { element: HTMLElement; curve: AbilityOver } {
  const { name, says } = SCALES[curve.scale];
  const last = curve.over.at(-1);
  return { curve, element: element("section", { class: "chart-card" }, element("div", { class: "row spread" }, element("h3", { title: says }, name), element("span", { class: "figure quiet-text" }, last ? abilityText(last) : "")), element("p", { class: "hint" }, says)) };
}

const widthOf = (holder: HTMLElement): number => Math.max(200, holder.clientWidth - 32);

function chart(holder: HTMLElement, { over }: AbilityOver): UPlot {
  const times = over.map(({ at_s }) => at_s);
  const column = (pick: "mean" | "low" | "high"): number[] => over.map((point) => point[pick]);
  const axis = { stroke: AXIS, grid: { stroke: GRID, width: 1 }, ticks: { show: false }, font: '12px "Inter Variable", sans-serif' };
  const options: UPlot.Options = {
    width: widthOf(holder),
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: true, range: () => spanned(times) }, y: { range: (_, low, high) => [Math.min(-2, Math.floor(low)), Math.max(2, Math.ceil(high))] } },
    axes: [{ ...axis, space: 90 }, { ...axis, size: 36, values: (_, ticks) => ticks.map((tick) => (tick > 0 ? `+${tick}` : String(tick).replace("-", "−"))) }],
    series: [{}, { stroke: LINE, width: 2, points: { show: true, size: 6, fill: LINE } }, { stroke: "transparent", points: { show: false } }, { stroke: "transparent", points: { show: false } }],
    bands: [{ series: [3, 2], fill: BAND }],
  };
  return new UPlot(options, [times, column("mean"), column("low"), column("high")], holder);
}

/** The first to the last, and a day about where they are one. */
function spanned(times: readonly number[]): [number, number] {
  const [first, last] = [times[0] ?? 0, times.at(-1) ?? 0];
  return last - first < DAY_S ? [first - DAY_S, last + DAY_S] : [first, last];
}

function covered(topics: readonly TopicRead[]): HTMLElement {
  const rows = topics.map(({ topic, cases_read, cases, concepts_read, concepts }) => element("li", { class: "covered", title: `${concepts_read} of ${concepts} concepts` }, element("span", { class: "label" }, words(topic)), element("div", { class: "meter" }, element("span", { style: `width: ${cases > 0 ? (100 * cases_read) / cases : 0}%` })), element("span", { class: "figure quiet-text" }, `${cases_read} of ${cases}`)));
  return element("section", { class: "chart-card" }, element("h3", {}, "Curriculum"), rows.length > 0 ? element("ul", {}, ...rows) : element("p", { class: "quiet-text" }, "No topics yet."));
}

function due(reviews: readonly Due[]): HTMLElement {
  const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });
  const rows = reviews.map((review) => element("li", { class: "row spread" }, element("span", {}, words(review.concept)), element("span", { class: review.is_due ? "due figure" : "quiet-text figure" }, review.is_due ? "due now" : day.format(review.due_s * 1000))));
  return element("section", { class: "chart-card" }, element("h3", {}, "To see again, on another case"), rows.length > 0 ? element("ul", { class: "reviews" }, ...rows) : element("p", { class: "quiet-text" }, "Nothing is due."));
}

/** The latest cases first, each with what was got of it. */
function read(readings: readonly CaseRead[]): HTMLElement {
  const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });
  const rows = [...readings].sort((a, b) => b.at_s - a.at_s).slice(0, MOST_READ).map(({ title, at_s, share }) => element("li", { class: "row spread" }, element("span", {}, title), element("span", { class: "figure quiet-text" }, `${Math.round(100 * share)} % · ${day.format(at_s * 1000)}`)));
  return element("section", { class: "chart-card" }, element("h3", {}, "Read last"), rows.length > 0 ? element("ul", { class: "reviews" }, ...rows) : element("p", { class: "quiet-text" }, "Nothing yet."));
}

/** "lung-nodule" as a person writes it. */
function words(name: string): string {
  const text = name.replaceAll("-", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

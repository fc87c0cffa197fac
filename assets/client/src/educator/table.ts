// Tables that sort by any column, and cells that carry an estimate with its interval.

import { element } from "../page/element";
import type { AbilityOfLearner, Estimated } from "../wire/author_messages";

export interface Column<T> {
  readonly name: string;
  readonly isNumber?: boolean;
  readonly cell: (row: T) => Node | string;
  readonly value: (row: T) => number | string;
}

export const percent = (share: number): string => `${Math.round(share * 100)} %`;

export function estimate(value: Estimated | null, say: (value: number) => string): Node | string {
  if (value === null) return "—";
  return element("span", {}, say(value.mean), element("span", { class: "range" }, `${say(value.low)} to ${say(value.high)}`));
}

/** Abilities are drawn from so many standard deviations below the average to as many above. */
const REACH = 3;
const place = (value: number): number => ((Math.max(-REACH, Math.min(REACH, value)) + REACH) / (2 * REACH)) * 100;
const signed = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;

export function abilityCell(ability: AbilityOfLearner | undefined): Node | string {
  if (ability === undefined) return "—";
  const { now, earlier } = ability;
  const words = `${signed(now.mean)}, between ${signed(now.low)} and ${signed(now.high)}${earlier === null ? "" : `; a month ago ${signed(earlier)}`}`;
  const part = (name: string, style: string): HTMLElement => element("span", { class: name, style });
  return element("div", { class: "interval", role: "img", "aria-label": words, title: words },
    part("zero", ""),
    part("span", `left:${place(now.low)}%;width:${place(now.high) - place(now.low)}%`),
    earlier === null ? null : part("earlier", `left:${place(earlier)}%`),
    part("dot", `left:${place(now.mean)}%`));
}

export function sortable<T>(columns: readonly Column<T>[], rows: readonly T[], label: string): HTMLElement {
  const body = element("tbody");
  const heads = columns.map((column, n) => element("th", { class: column.isNumber ? "number" : "", scope: "col" }, element("button", { type: "button", onclick: () => sort(n) }, column.name)));
  let by: { column: number; isUp: boolean } | null = null;
  const draw = (shown: readonly T[]): void =>
    body.replaceChildren(...shown.map((row) => element("tr", {}, ...columns.map((column) => element("td", { class: column.isNumber ? "number" : "" }, column.cell(row))))));
  const sort = (n: number): void => {
    by = { column: n, isUp: by?.column === n ? !by.isUp : columns[n]!.isNumber !== true };
    const { isUp } = by;
    const { value } = columns[n]!;
    const compare = (a: T, b: T): number => {
      const [x, y] = [value(a), value(b)];
      const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
      return isUp ? order : -order;
    };
    heads.forEach((head, m) => (m === n ? head.setAttribute("aria-sort", isUp ? "ascending" : "descending") : head.removeAttribute("aria-sort")));
    draw([...rows].sort(compare));
  };
  draw(rows);
  return element("div", { class: "table-frame" }, element("table", { "aria-label": label }, element("thead", {}, element("tr", {}, ...heads)), body));
}

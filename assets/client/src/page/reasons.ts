// Why files were set aside: one line a reason, the commonest first, its files named underneath.

import { element } from "./element";
import { reasons } from "../model/dropped";
import { sentenceCase } from "../model/number_text";
import type { ProblemMessage } from "../wire/messages";

/** Files named under one reason, at most; the rest are counted. */
const MOST_FILES = 20;

function filesText(files: readonly string[]): string {
  const rest = files.length - MOST_FILES;
  return files.slice(0, MOST_FILES).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/** Closed under `summary` where one is given, open where not; null where there is nothing to tell. */
export function reasonList(problems: readonly ProblemMessage[], summary: string | null): HTMLElement | null {
  if (problems.length === 0) return null;
  const items = reasons(problems).map(({ reason, files }) =>
    element(
      "li",
      {},
      element("span", { class: "reason" }, files.length > 1 ? `${sentenceCase(reason)} (${files.length} files)` : sentenceCase(reason)),
      element("span", { class: "files" }, filesText(files)),
    ),
  );
  const list = element("ul", {}, ...items);
  if (summary === null) return element("div", { class: "problems" }, list);
  return element("details", { class: "problems" }, element("summary", {}, summary), list);
}

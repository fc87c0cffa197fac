// A test picture for the display: greys, lines, letters, patterns and signs. It helps to see that a display shows what it
// must; it measures nothing.

import { element } from "./element";

const STEPS = 16;
const GREY_WIDTH = 480;

/** Sixteen even steps; at both ends a square that differs by five per cent. */
function greys(): HTMLCanvasElement {
  const canvas = element("canvas", { width: GREY_WIDTH, height: 90, role: "img", "aria-label": "Sixteen grey steps" });
  const context = canvas.getContext("2d")!;
  const grey = (part: number): string => `rgb(${[0, 0, 0].map(() => Math.round(255 * part)).join(" ")})`;
  const width = GREY_WIDTH / STEPS;
  for (let n = 0; n < STEPS; n += 1) {
    context.fillStyle = grey(n / (STEPS - 1));
    context.fillRect(n * width, 0, width, 50);
  }
  for (const [x, ground, mark] of [[0, 0, 0.05], [GREY_WIDTH / 2, 1, 0.95]] as const) {
    context.fillStyle = grey(ground);
    context.fillRect(x, 50, GREY_WIDTH / 2, 40);
    context.fillStyle = grey(mark);
    context.fillRect(x + GREY_WIDTH / 4 - 15, 55, 30, 30);
  }
  return canvas;
}

/** Pairs of one and of two pixels, across and along. */
function lines(): HTMLCanvasElement {
  const canvas = element("canvas", { width: GREY_WIDTH, height: 60, role: "img", "aria-label": "Line pairs of one and two pixels" });
  const context = canvas.getContext("2d")!;
  context.fillStyle = "#fff";
  [1, 2].forEach((pitch, group) => {
    const left = (group * GREY_WIDTH) / 2;
    for (let n = 0; n < 110; n += 2 * pitch) {
      context.fillRect(left + n, 0, pitch, 60);
      if (n < 60) context.fillRect(left + 120, n, 110, pitch);
    }
  });
  return canvas;
}

export function createDisplayCheck(): HTMLDialogElement {
  const sizes = [10, 12, 14, 18, 24].map((size) => {
    const line = element("p", {}, `${size} px  12.4 ±0.8 mm  Il1 O0 8B`);
    line.style.fontSize = `${size}px`;
    return line;
  });
  const task = (text: string): HTMLElement => element("p", { class: "hint" }, text);
  return element(
    "dialog",
    { class: "help display-check", "aria-label": "Check this display" },
    element("h2", {}, "Check this display"),
    element("p", {}, "Not for diagnosis: this shows whether a display shows what it must, and measures nothing."),
    task("All sixteen steps differ, and both squares below are seen."),
    greys(),
    task("Lines are lines and not grey, at a zoom of 100 %."),
    lines(),
    task("The smallest line that you read without effort from where you stand."),
    ...sizes,
    element("form", { method: "dialog" }, element("button", { class: "button primary", autofocus: true }, "Close")),
  );
}

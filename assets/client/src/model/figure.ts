// Figures that are read in a hurry: of one width, from a fixed alphabet, with no digit that the error does not bear.
// A figure that is not known is a dash, and never a part of a number. Pure.

/** As wide as a digit. */
export const BLANK = "\u2007";
export const MINUS = "\u2212";
export const DASH = "\u2013";
/** All that a figure may hold. */
export const ALPHABET: readonly string[] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", ".", MINUS, DASH, "±", ">", BLANK, "m", "°"];

const WHOLE = 4;
const PART = 2;
const ERROR = 3;
/** Beyond this nobody needs to know how far. */
export const FAR_MM = 999;

/** Part of a step that the wire's own rounding (float32) may have added. */
const ROUNDING = 1e-4;

/** Whether the error bears tenths. */
const bearsTenths = (error: number): boolean => error < 0.95;

function fixed(value: number, tenths: boolean): string {
  const rounded = Math.abs(value).toFixed(tenths ? 1 : 0);
  const sign = value < 0 && Number(rounded) !== 0 ? MINUS : "";
  const [whole, part] = rounded.split(".");
  return `${sign}${whole!}`.padStart(WHOLE, BLANK) + (part === undefined ? BLANK.repeat(PART) : `.${part}`);
}

/** Rounded up, so that it never promises more than is known. */
function upTo(error: number, tenths: boolean): string {
  const step = tenths ? 10 : 1;
  const up = Math.ceil(error * step - ROUNDING) / step;
  return `±${up.toFixed(tenths ? 1 : 0)}`.padEnd(ERROR + 1, BLANK);
}

/** "  12.4 ±0.8 mm", always of one width; a dash where the error says that nothing is known. */
export function figureWithError(value: number, error: number, unit = "mm"): string {
  if (!Number.isFinite(value) || !Number.isFinite(error) || error < 0 || error > FAR_MM / 10) return dashFigure(unit);
  const tenths = bearsTenths(error);
  if (Math.abs(value) > FAR_MM) return `${`>${FAR_MM}`.padStart(WHOLE, BLANK)}${BLANK.repeat(PART)}${BLANK}${upTo(error, tenths)}${BLANK}${unit}`;
  return `${fixed(value, tenths)}${BLANK}${upTo(error, tenths)}${BLANK}${unit}`;
}

/** As wide as any figure: a dash where the digits would stand, and no digit. */
export function dashFigure(unit = "mm"): string {
  return `${DASH.padStart(WHOLE, BLANK)}${BLANK.repeat(PART)}${BLANK}${BLANK.repeat(ERROR + 1)}${BLANK}${unit}`;
}

/** The figure as it is said: no blanks that only align. */
export function said(figure: string): string {
  return figure.replaceAll(new RegExp(`${BLANK}+`, "g"), " ").trim();
}

export const holdsDigit = (text: string): boolean => /[0-9]/.test(text);

/** Whether every character is one that can be checked. */
export function isInAlphabet(figure: string): boolean {
  return Array.from(figure).every((each) => ALPHABET.includes(each));
}

// Numbers as they may be read: unit, standard uncertainty, and no decimal that the uncertainty does not bear.

/** E.g. "42.3 ± 0.4 mm", "42 ± 3 mm". The uncertainty is rounded up: it is never shown smaller than it is. */
export function lengthText(length_mm: number, error_mm: number): string {
  const decimals = error_mm < 0.95 ? 1 : 0;
  const step = 10 ** -decimals;
  const error = Math.max(step, Math.ceil(error_mm / step - 1e-9) * step);
  return `${length_mm.toFixed(decimals)} ± ${error.toFixed(decimals)} mm`;
}

/** E.g. "1:1", "2.4×", "0.50×". */
export function scaleText(scale: number): string {
  if (scale === 1) return "1:1";
  return `${scale.toFixed(scale < 1 ? 2 : 1)}×`;
}

/** Three figures, or whole microlitres, e.g. "5.07 ml", "1 980 ml". */
export function volumeText(volume_ml: number): string {
  const figures = Number(volume_ml.toPrecision(3));
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.max(figures, 0.1))));
  const [whole, part] = figures.toFixed(decimals).split(".") as [string, string?];
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u2009");
  return `${part === undefined ? grouped : `${grouped}.${part}`} ml`;
}

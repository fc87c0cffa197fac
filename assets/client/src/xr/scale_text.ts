/** How many times its own size the anatomy stands there: "1:1", "2.4×", "0.50×". */
export function scaleText(scale: number): string {
  if (scale === 1) return "1:1";
  return `${scale.toFixed(scale < 1 ? 2 : 1)}×`;
}

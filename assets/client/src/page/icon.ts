// Line icons, drawn here: 20 x 20, one stroke, the colour of the text beside them.

const PATHS = {
  eye: "M1.8 10S4.8 4.5 10 4.5 18.2 10 18.2 10 15.2 15.5 10 15.5 1.8 10 1.8 10ZM10 7.6a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8Z",
  eyeOff: "M3 3l14 14M8 5a9 9 0 0 1 2-.3c5 0 8.2 5.3 8.2 5.3a14 14 0 0 1-2.6 3.1M12 14.9a8 8 0 0 1-2 .3C4.900 15.200 1.800 10 1.800 10a14 14 0 0 1 3-3.400",
  solo: "M10 2.500v3M10 14.500v3M2.500 10h3M14.500 10h3M10 6.800a3.200 3.200 0 1 0 0 6.400 3.200 3.200 0 0 0 0-6.400Z",
  folder: "M2.500 15.500v-11h5l1.700 2h8.300v9Z",
  ruler: "M2.500 13.500 13.500 2.500l4 4-11 11ZM6 10l1.500 1.500M8.500 7.500l2 2M11 5l1.500 1.500",
  brush: "M12.500 2.500 17.500 7.500 10 15l-5-5ZM5 10c-1.500 1-1 4-2.500 6.500 2.500.5 5.500 0 7.500-1.500",
  reset: "M4 10a6 6 0 1 1 1.800 4.300M4 16v-3.500h3.500",
  planes: "M3 6.500 10 3l7 3.500L10 10ZM3 13.500 10 17l7-3.500M3 10l7 3.500L17 10",
  labels: "M3 3h6l8 8-6 6-8-8ZM6.500 6.500h.01",
  headset: "M2.500 7.500c0-1 .8-1.800 1.800-1.800h11.400c1 0 1.800.8 1.800 1.800v5c0 1-.8 1.800-1.800 1.800h-2.600L11.400 12a1.900 1.900 0 0 0-2.800 0l-1.700 2.300H4.300c-1 0-1.800-.8-1.800-1.800Z",
  room: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4M10 6.500l3.200 1.800v3.500L10 13.600l-3.200-1.800V8.300Z",
  sun: "M10 6.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7ZM10 1.800v2M10 16.200v2M1.800 10h2M16.200 10h2M4.200 4.200l1.400 1.400M14.400 14.400l1.400 1.400M15.800 4.200l-1.400 1.400M5.600 14.400l-1.400 1.400",
  moon: "M16.500 11.800A7 7 0 0 1 8.200 3.500a7 7 0 1 0 8.300 8.300Z",
  fill: "M3 7.500V3h4.500M12.500 3H17v4.500M17 12.500V17h-4.500M7.500 17H3v-4.500",
  grid: "M3 3h6v6H3ZM11 3h6v6h-6ZM3 11h6v6H3ZM11 11h6v6h-6Z",
  people: "M7.500 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2 16.500c0-3 2.500-5 5.500-5s5.500 2 5.500 5M13 4a2.800 2.800 0 0 1 0 5.300M14.500 11.800c2 .6 3.500 2.400 3.500 4.700",
  close: "M5 5l10 10M15 5 5 15",
  left: "M3 3.500h14v13H3ZM8 3.500v13",
  right: "M3 3.500h14v13H3ZM12 3.500v13",
  help: "M7.500 7.500a2.500 2.500 0 1 1 3.500 2.300c-.7.4-1 .8-1 1.700M10 14.500h.01",
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

// Colours in the headset. On additive displays black is invisible: no dark fills there, only outlines and bright marks.

/** The page's one type family; the canvas falls back while it loads. */
export const FONT_FAMILY = '"Inter Variable", system-ui, sans-serif';

export interface Theme {
  /** CSS colours for canvases. `ground` is the panel itself. */
  readonly ground: string;
  readonly rim: string;
  readonly control: string;
  readonly controlOn: string;
  readonly text: string;
  readonly textOn: string;
  readonly quiet: string;
  readonly accent: string;
  /** Dark edge round world labels; none where it could not be seen. */
  readonly halo: string | null;
}

const DARK: Theme = {
  ground: "rgb(15, 20, 25)",
  rim: "#34414c",
  control: "#1f2932",
  controlOn: "#22505c",
  text: "#eef3f6",
  textOn: "#ffffff",
  quiet: "#aab7c2",
  accent: "#5fd0e0",
  halo: "rgba(8, 11, 14, 0.85)",
};

const BRIGHT: Theme = {
  ground: "rgba(0, 0, 0, 0)",
  rim: "#6f8b98",
  control: "rgba(0, 0, 0, 0)",
  controlOn: "rgba(70, 190, 210, 0.42)",
  text: "#ffffff",
  textOn: "#ffffff",
  quiet: "#c4d4dc",
  accent: "#74e4f4",
  halo: null,
};

export function themeFor(blend: XREnvironmentBlendMode): Theme {
  return blend === "additive" ? BRIGHT : DARK;
}

/** For meshes: the accent, a resting mark, and the dark reading room. */
export const ACCENT = 0x5fd0e0;
export const MARK = 0xf2f5f7;
/** The reading room: overhead, at the horizon, underfoot. */
export const ROOM = { above: 0x090c10, horizon: 0x1a222a, below: 0x0d1115 } as const;

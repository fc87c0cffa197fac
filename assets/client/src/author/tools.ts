// The tools of the authoring page: what they are called, their keys, and what a hand on the slices does with them.

import type { AuthorTool } from "./state";
import type { IconName } from "../page/icon";
import type { Tool } from "../model/state";

export type ToolName = AuthorTool;

interface ToolShown {
  readonly name: string;
  readonly key: string;
  readonly icon: IconName;
  readonly hand: Tool;
  readonly help: string;
}

export const AUTHOR_TOOLS: Readonly<Record<AuthorTool, ToolShown>> = {
  navigate: { name: "Look", key: "v", icon: "planes", hand: "navigate", help: "Click to point, scroll through slices" },
  grow: { name: "Grow", key: "g", icon: "reset", hand: "navigate", help: "Click a lesion, then scroll on it" },
  brush: { name: "Brush", key: "b", icon: "brush", hand: "brush", help: "Paint the lesion" },
  eraser: { name: "Eraser", key: "e", icon: "eraser", hand: "eraser", help: "Take away what was painted of the lesion" },
  point: { name: "Point", key: "p", icon: "solo", hand: "navigate", help: "Click a place, where no border shall be drawn" },
};

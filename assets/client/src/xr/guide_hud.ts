// Distances in the room: a board that stands at the far side of the anatomy, faces the eyes, and hangs on nothing of the
// head. Figures on it are read back.

import * as THREE from "three";

import { fitText } from "./canvas_text";
import { context2d, FigureCanvas } from "./figure_canvas";
import { panelScale } from "./legibility";
import { CAP_MM } from "./panel";
import { faceEyes } from "./text_label";
import type { Theme } from "./theme";
import { dashFigure, figureWithError, said } from "../model/figure";
import { sentenceCase } from "../model/number_text";
import { LOOKS } from "../model/overlay";
import { byNearness, type DistanceSight, type Sight } from "../model/sight";

const SIZE = { width_mm: 240, height_mm: 190 };
const PX_PER_MM = 3;
const MOST_SHOWN = 3;
const EVERY_S = 0.06;
const EDGE = 24;
const ROW_PX = 76;
const WORDS_Y = 100;
const ROWS_Y = 142;
const FROM_MM = -5;
const TO_MM = 25;
const SPAN_MM = 12;
const RINGS_MM = [3, 6, 12];
const RADIUS = 62;
const LEVELS = ["", "Near", "Risk", "Inside"];
/** The board stands this far beyond the anatomy, and over its top. */
const BEYOND_M = 0.1;
const OVER_M = 0.14;
/** And to the right, for the panel stands on the left. */
const ASIDE_M = 0.1;
const NEAREST_M = 0.6;

export class GuideHud {
  readonly mesh: THREE.Mesh<THREE.PlaneGeometry, THREE.MeshBasicMaterial>;
  /** What stands on it now, for those who check. */
  readonly texts: string[] = [];
  #faults = 0;
  readonly #context = context2d(SIZE.width_mm * PX_PER_MM, SIZE.height_mm * PX_PER_MM);
  readonly #texture: THREE.CanvasTexture;
  readonly #figures: FigureCanvas;
  #order: readonly string[] = [];
  #drawn_s = -Infinity;
  #state = "";

  /** `unreadable` is told how many more figures than before came out wrong. */
  constructor(private readonly theme: Theme, isAdditive: boolean, private readonly unreadable: (count: number) => void) {
    this.#figures = new FigureCanvas(Math.round(CAP_MM.body * PX_PER_MM), theme.text, isAdditive ? null : theme.ground);
    this.#texture = new THREE.CanvasTexture(this.#context.canvas);
    this.#texture.colorSpace = THREE.SRGBColorSpace;
    const material = new THREE.MeshBasicMaterial({ map: this.#texture, transparent: true, alphaTest: 0.01, toneMapped: false });
    this.mesh = new THREE.Mesh(new THREE.PlaneGeometry(SIZE.width_mm / 1000, SIZE.height_mm / 1000), material);
    this.mesh.renderOrder = 5;
    this.mesh.visible = false;
  }

  /** Beyond `bounds` (world) as the eyes see it. `time_s` is the frame's. */
  step(sight: Sight | null, words: string, bounds: THREE.Box3, eyes: THREE.Vector3, time_s: number): void {
    this.mesh.visible = sight !== null && sight.tools.length > 0;
    if (!this.mesh.visible || sight === null) return;
    this.#place(bounds, eyes);
    const state = `${sight.tools[0]!.told.shown} ${sight.anatomy.shown} ${sight.guess} ${words}`;
    // What is no longer known goes at once.
    if (state === this.#state && time_s - this.#drawn_s < EVERY_S) return;
    this.#state = state;
    this.#drawn_s = time_s;
    this.#draw(sight, words);
  }

  dispose(): void {
    this.#texture.dispose();
    this.mesh.geometry.dispose();
    this.mesh.material.dispose();
    this.mesh.removeFromParent();
  }

  #place(bounds: THREE.Box3, eyes: THREE.Vector3): void {
    const centre = bounds.getCenter(new THREE.Vector3());
    const flat = centre.clone().sub(eyes).setY(0);
    const deep_m = Math.hypot(bounds.max.x - bounds.min.x, bounds.max.z - bounds.min.z) / 2;
    const away_m = Math.max(NEAREST_M, flat.length() + deep_m / 2 + BEYOND_M);
    const at = eyes.clone().addScaledVector(flat.normalize(), away_m);
    const right = new THREE.Vector3(-flat.z, 0, flat.x);
    at.addScaledVector(right, ASIDE_M + Math.hypot(bounds.max.x - bounds.min.x, bounds.max.z - bounds.min.z) / 6);
    at.y = Math.min(bounds.max.y + OVER_M, eyes.y);
    this.mesh.position.copy(at);
    this.mesh.scale.setScalar(panelScale(at.distanceTo(eyes)));
    faceEyes(this.mesh, eyes);
  }

  #draw(sight: Sight, words: string): void {
    const tool = sight.tools[0]!;
    const { width, height } = this.#context.canvas;
    const context = this.#context;
    this.texts.length = 0;
    const faultsBefore = this.#faults;
    this.#faults = 0;
    context.clearRect(0, 0, width, height);
    this.#frame(width, height, tool.told.shown === "verified" ? [] : tool.told.shown === "ageing" ? [18, 10] : [4, 8]);
    this.#words(tool.name, EDGE, 54, width * 0.3, "left", this.theme.text);
    this.#words(tool.words || sentenceCase(LOOKS[tool.told.shown].word), width - EDGE, 54, width * 0.62, "right", this.theme.text);
    this.#words(words, EDGE, sight.guess ? WORDS_Y - 8 : WORDS_Y, width - 2 * EDGE, "left", this.theme.quiet);
    this.#words(sight.guess, EDGE, WORDS_Y + 24, width - 2 * EDGE, "left", this.theme.text);
    const sorted = byNearness(tool.distances, this.#order);
    this.#order = sorted.map(({ node }) => node);
    sorted.slice(0, MOST_SHOWN).forEach((distance, n) => this.#row(distance, ROWS_Y + n * ROW_PX, width));
    if (sight.chosen !== null) this.#bullseye(sight, height);
    if (this.#faults > faultsBefore) this.unreadable(this.#faults - faultsBefore);
    if (this.#faults > 0) this.#words("Display fault", width - EDGE, height - 20, width / 2, "right", this.theme.text);
    this.#texture.needsUpdate = true;
  }

  #frame(width: number, height: number, dash: readonly number[]): void {
    const context = this.#context;
    context.beginPath();
    context.roundRect(4, 4, width - 8, height - 8, 20);
    context.fillStyle = this.theme.ground;
    context.fill();
    context.setLineDash([...dash]);
    context.strokeStyle = dash.length > 0 ? this.theme.text : this.theme.rim;
    context.lineWidth = dash.length > 0 ? 5 : 2;
    context.stroke();
    context.setLineDash([]);
  }

  #words(text: string, x: number, y: number, width_px: number, align: CanvasTextAlign, colour: string): void {
    const cap_px = CAP_MM.label * PX_PER_MM;
    const shown = fitText(this.#context, text, { width_px, cap_px, least_px: cap_px * 0.8, weight: 560 });
    this.#context.textAlign = align;
    this.#context.textBaseline = "alphabetic";
    this.#context.fillStyle = colour;
    this.#context.fillText(shown, x, y);
    if (shown) this.texts.push(shown);
  }

  #figure(figure: string, right: number, y: number): void {
    const isRight = this.#figures.draw(this.#context, figure, right - this.#figures.width(figure), y);
    if (!isRight) this.#faults += 1;
    this.texts.push(said(isRight ? figure : dashFigure()));
  }

  #row({ name, known, level, bands, guessed }: DistanceSight, y: number, width: number): void {
    const context = this.#context;
    const figure = known === null ? dashFigure() : figureWithError(known.distance_mm, known.error_mm);
    const left = width - EDGE - this.#figures.width(figure);
    this.#words([name, guessed ? "guess" : "", known === null ? "" : LEVELS[level]].filter(Boolean).join(" · "), EDGE, y + 32, left - 2 * EDGE, "left", this.theme.text);
    this.#figure(figure, width - EDGE, y - 2);
    const [from, to, top, tall] = [EDGE, left - EDGE, y + 42, 14];
    const at = (mm: number): number => from + ((Math.min(TO_MM, Math.max(FROM_MM, mm)) - FROM_MM) / (TO_MM - FROM_MM)) * (to - from);
    context.fillStyle = this.theme.text;
    for (const [start, end, alpha] of [[FROM_MM, bands.breach_mm, 0.6], [bands.breach_mm, bands.risk_mm, 0.36], [bands.risk_mm, bands.near_mm, 0.16]] as const) {
      context.globalAlpha = known === null ? alpha / 3 : alpha;
      context.fillRect(at(start), top, at(end) - at(start), tall);
    }
    context.globalAlpha = 1;
    context.strokeStyle = this.theme.rim;
    context.lineWidth = 2;
    context.setLineDash(known === null ? [4, 6] : []);
    context.strokeRect(from, top, to - from, tall);
    context.setLineDash([]);
    if (known === null) return;
    context.fillRect(at(known.distance_mm - known.error_mm), top + tall / 2 - 1, at(known.distance_mm + known.error_mm) - at(known.distance_mm - known.error_mm), 2);
    context.fillRect(at(known.distance_mm) - 4, top - 5, 8, tall + 10);
  }

  #bullseye({ chosen, alignment, tools }: Sight, height: number): void {
    const context = this.#context;
    const [x, y] = [EDGE + RADIUS + 6, height - EDGE - RADIUS - 2];
    const error_mm = tools[0]?.tipError_mm ?? null;
    const known = alignment !== null && error_mm !== null;
    context.strokeStyle = this.theme.quiet;
    context.lineWidth = 2;
    context.setLineDash(known ? [] : [4, 8]);
    for (const mm of RINGS_MM) {
      context.beginPath();
      context.arc(x, y, (mm / SPAN_MM) * RADIUS, 0, 2 * Math.PI);
      context.stroke();
    }
    context.setLineDash([]);
    const right = this.#context.canvas.width - EDGE;
    const aside = known ? figureWithError(alignment.lateral_mm, error_mm) : dashFigure();
    const toGo = known ? figureWithError(alignment.toTarget_mm, error_mm) : dashFigure();
    const words = right - this.#figures.width(aside) - 10;
    [["Aside", aside], ["To go", toGo]].forEach(([word, figure], n) => {
      const line = y - 62 + n * 50;
      this.#words(word!, words, line + 32, 150, "right", this.theme.quiet);
      this.#figure(figure!, right, line);
    });
    this.#words(chosen!.name, right, y + 62, 260, "right", this.theme.quiet);
    if (!known) return;
    const within = (mm: number): number => Math.max(-1.04, Math.min(1.04, mm / SPAN_MM)) * RADIUS;
    const [dx, dy] = [x + within(alignment.right_mm), y - within(alignment.up_mm)];
    context.strokeStyle = this.theme.accent;
    context.lineWidth = 5;
    context.beginPath();
    context.moveTo(dx - 12, dy);
    context.lineTo(dx + 12, dy);
    context.moveTo(dx, dy - 12);
    context.lineTo(dx, dy + 12);
    context.stroke();
    context.lineWidth = 2;
    context.beginPath();
    context.arc(dx, dy, (error_mm / SPAN_MM) * RADIUS, 0, 2 * Math.PI);
    context.stroke();
    const [bar, tall] = [x + RADIUS + 14, 2 * RADIUS];
    context.strokeStyle = this.theme.quiet;
    context.strokeRect(bar, y - RADIUS, 14, tall);
    context.fillStyle = this.theme.accent;
    context.fillRect(bar, y - RADIUS, 14, tall * Math.min(1, Math.max(0, 1 - alignment.toTarget_mm / alignment.length_mm)));
  }
}


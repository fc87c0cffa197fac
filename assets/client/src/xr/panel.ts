// A flat panel in space: buttons, sliders and captions drawn on one canvas, pressed by rays and by fingertips.
// Lengths on a panel are millimetres at true size, from its upper left corner.

import * as THREE from "three";

import { fitText } from "./canvas_text";
import { BODY_CAP_DEG, DESIGN_DISTANCE_M, LABEL_CAP_DEG, lengthFor } from "./legibility";
import type { Pointer } from "./pointers";
import { ACCENT, type Theme } from "./theme";

export interface Rect {
  readonly x_mm: number;
  readonly y_mm: number;
  readonly w_mm: number;
  readonly h_mm: number;
}

interface Base {
  readonly id: string;
  readonly rect: Rect;
  readonly text: string;
}

/** Words alone. */
export interface Caption extends Base {
  readonly kind: "caption";
  readonly size: "body" | "label";
  readonly align: "left" | "center" | "right";
}

export type Icon = "eye" | "eye-off" | "close" | "pin" | "previous" | "next" | "minus" | "plus" | "tick";

/** Something to press. `on` marks the chosen or active one. */
export interface Press extends Base {
  readonly kind: "press";
  readonly size: "body" | "label";
  readonly on: boolean;
  readonly icon?: Icon;
  /** CSS colour of the structure it stands for; such a row is plain when shown and faint when hidden. */
  readonly swatch?: string;
  readonly disabled?: boolean;
  press(): void;
}

/** Something to drag from 0 to 1. */
export interface Slider extends Base {
  readonly kind: "slider";
  readonly value: number;
  slide(value: number): void;
}

export type Control = Caption | Press | Slider;
export type Live = Press | Slider;

export interface PanelSize {
  readonly width_mm: number;
  readonly height_mm: number;
}

/** Where a pointer meets a panel. */
export interface PanelHit {
  readonly x_mm: number;
  readonly y_mm: number;
  /** Along the ray, or 0 for a fingertip. */
  readonly distance_m: number;
  readonly by: "ray" | "tip";
}

/** 3 texels a millimetre: 31 a degree at the design distance, more than today's headsets show. */
const TEXELS_PER_MM = 3;
const CORNER_MM = 4;
const PADDING_MM = 5;
const ICON_MM = 11;
/** A fingertip within this distance in front of the panel points by itself; the ray rests. */
const TIP_RANGE_M = 0.05;
/** How far the tip must draw back before it can press again, and how deep a press may go through. */
const TIP_RELEASE_M = 0.008;
const TIP_DEPTH_M = 0.06;

/** Cap heights of the two text sizes on a panel. */
export const CAP_MM = {
  body: 1000 * lengthFor(BODY_CAP_DEG, DESIGN_DISTANCE_M),
  label: 1000 * lengthFor(LABEL_CAP_DEG, DESIGN_DISTANCE_M),
} as const;
const WEIGHT = { body: 450, label: 450 } as const;

export function inside(rect: Rect, x_mm: number, y_mm: number): boolean {
  return x_mm >= rect.x_mm && x_mm <= rect.x_mm + rect.w_mm && y_mm >= rect.y_mm && y_mm <= rect.y_mm + rect.h_mm;
}

/** Slider value at a place along its track. */
export function slideTo(rect: Rect, x_mm: number): number {
  const ends_mm = PADDING_MM;
  const along = (x_mm - rect.x_mm - ends_mm) / (rect.w_mm - 2 * ends_mm);
  return Math.min(1, Math.max(0, along));
}

interface Contact {
  hit: PanelHit;
  /** Control under the pointer. */
  over: Live | null;
  /** Control that was pressed and not yet let go. */
  captured: string | null;
}

export class Panel {
  /** Stands with its face towards +Z; scale it by `panelScale`. */
  readonly group = new THREE.Group();
  #controls: readonly Control[] = [];
  #drawn = "";
  readonly #canvas = document.createElement("canvas");
  readonly #context: CanvasRenderingContext2D;
  readonly #texture: THREE.CanvasTexture;
  readonly #face: THREE.Mesh<THREE.PlaneGeometry, THREE.MeshBasicMaterial>;
  readonly #marks = new Map<Pointer, THREE.Mesh<THREE.BufferGeometry, THREE.MeshBasicMaterial>>();
  readonly #contacts = new Map<Pointer, Contact>();
  /** Signed distance of each tip at the last frame: a press must come from in front. */
  readonly #tips = new Map<Pointer, { depth_m: number; armed: boolean }>();

  constructor(readonly size: PanelSize, private readonly theme: Theme) {
    this.#canvas.width = size.width_mm * TEXELS_PER_MM;
    this.#canvas.height = size.height_mm * TEXELS_PER_MM;
    this.#context = this.#canvas.getContext("2d")!;
    this.#texture = new THREE.CanvasTexture(this.#canvas);
    this.#texture.colorSpace = THREE.SRGBColorSpace;
    this.#texture.anisotropy = 4;
    // Where nothing is drawn nothing hides what lies behind: an additive panel is mostly clear.
    const material = new THREE.MeshBasicMaterial({ map: this.#texture, transparent: true, alphaTest: 0.01, toneMapped: false });
    this.#face = new THREE.Mesh(new THREE.PlaneGeometry(size.width_mm / 1000, size.height_mm / 1000), material);
    // Before the see-through shells (10 and up), so that a shell in front of a panel is blended over it.
    this.#face.renderOrder = 5;
    this.group.add(this.#face);
  }

  get controls(): readonly Control[] {
    return this.#controls;
  }

  /** Puts these controls on the panel; the canvas is drawn again only where they differ. */
  show(controls: readonly Control[]): void {
    this.#controls = controls;
    const drawn = JSON.stringify(controls);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#draw();
  }

  /** 0 unseen, 1 there. */
  fade(opacity: number): void {
    this.group.visible = opacity > 0;
    this.#face.material.opacity = opacity;
  }

  /** Where `pointer` meets the panel now: its tip when that is near, else its ray. */
  meet(pointer: Pointer): PanelHit | null {
    if (!this.group.visible || !pointer.tracked) return null;
    const hit = this.#tipHit(pointer) ?? this.#rayHit(pointer);
    return hit !== null && this.#on(hit) ? hit : null;
  }

  /** Centre of a control, world metres: for marks and for those who aim. */
  place(rect: Rect): THREE.Vector3 {
    const x = (rect.x_mm + rect.w_mm / 2 - this.size.width_mm / 2) / 1000;
    const y = (this.size.height_mm / 2 - rect.y_mm - rect.h_mm / 2) / 1000;
    return this.group.localToWorld(new THREE.Vector3(x, y, 0));
  }

  /** What the pointer would press. */
  hovered(pointer: Pointer): Live | null {
    return this.#contacts.get(pointer)?.over ?? null;
  }

  /**
   * Lets this frame's pointers hover, press and drag. Calls `touched` for every press and every new hover. A pointer in
   * `busy` holds something else and passes by.
   */
  step(pointers: readonly Pointer[], busy: (p: Pointer) => boolean, touched: (p: Pointer, press: boolean) => void): void {
    for (const pointer of [...this.#contacts.keys()]) if (!pointers.includes(pointer)) this.#leave(pointer);
    for (const pointer of pointers) {
      const hit = busy(pointer) ? null : (this.meet(pointer) ?? this.#dragging(pointer));
      if (hit === null) this.#leave(pointer);
      else this.#touch(pointer, hit, touched);
      if (busy(pointer)) this.#tips.delete(pointer);
    }
  }

  /** Whether the pointer's presses belong to the panel now. */
  owns(pointer: Pointer): boolean {
    return this.#contacts.has(pointer);
  }

  dispose(): void {
    this.#texture.dispose();
    this.#face.geometry.dispose();
    this.#face.material.dispose();
    for (const pointer of [...this.#marks.keys()]) this.#leave(pointer);
  }

  /** A drag goes on beyond the edge of the panel, by the plane the panel lies in. */
  #dragging(pointer: Pointer): PanelHit | null {
    const contact = this.#contacts.get(pointer);
    if (contact === undefined || contact.captured === null || !(pointer.select.held || pointer.select.released)) return null;
    return this.#rayHit(pointer) ?? contact.hit;
  }

  #touch(pointer: Pointer, hit: PanelHit, touched: (p: Pointer, press: boolean) => void): void {
    const before = this.#contacts.get(pointer);
    const over = this.#live(hit);
    const contact: Contact = { hit, over, captured: before?.captured ?? null };
    this.#contacts.set(pointer, contact);
    if (over !== null && over.id !== before?.over?.id) touched(pointer, false);
    const tipPressed = hit.by === "tip" && this.#tipPress(pointer);
    if ((pointer.select.pressed || tipPressed) && over !== null) {
      contact.captured = over.id;
      touched(pointer, true);
      if (tipPressed && over.kind === "press") this.#act(over);
    }
    this.#drag(contact);
    if (pointer.select.released) this.#release(contact);
    if (hit.by === "tip" && !pointer.select.held && this.#tips.get(pointer)?.armed === true) contact.captured = null;
    this.#mark(pointer, contact);
  }

  /** A ray or pinch acts when let go over what it pressed, so that a slip can be taken back. */
  #release(contact: Contact): void {
    if (contact.over?.kind === "press" && contact.over.id === contact.captured) this.#act(contact.over);
    contact.captured = null;
  }

  #act(control: Press): void {
    if (!control.disabled) control.press();
  }

  #drag({ captured, hit }: Contact): void {
    const control = this.#controls.find((each) => each.id === captured);
    if (control?.kind === "slider") control.slide(slideTo(control.rect, hit.x_mm));
  }

  #live(hit: PanelHit): Live | null {
    const found = this.#controls.find((each) => each.kind !== "caption" && inside(each.rect, hit.x_mm, hit.y_mm));
    return found === undefined || found.kind === "caption" || (found.kind === "press" && found.disabled) ? null : found;
  }

  #local(point: THREE.Vector3): THREE.Vector3 {
    return this.group.worldToLocal(point.clone());
  }

  #hit(local: THREE.Vector3, distance_m: number, by: PanelHit["by"]): PanelHit {
    const x_mm = 1000 * local.x + this.size.width_mm / 2;
    const y_mm = this.size.height_mm / 2 - 1000 * local.y;
    return { x_mm, y_mm, distance_m, by };
  }

  #on({ x_mm, y_mm }: PanelHit): boolean {
    return inside({ x_mm: 0, y_mm: 0, w_mm: this.size.width_mm, h_mm: this.size.height_mm }, x_mm, y_mm);
  }

  #tipHit(pointer: Pointer): PanelHit | null {
    if (pointer.kind === "transient") return null;
    const local = this.#local(pointer.tip);
    const range = TIP_RANGE_M / this.group.scale.x;
    if (local.z > range || local.z < -TIP_DEPTH_M) return null;
    const hit = this.#hit(local, 0, "tip");
    return this.#on(hit) ? hit : null;
  }

  #rayHit(pointer: Pointer): PanelHit | null {
    const origin = this.#local(pointer.ray.origin);
    const ahead = this.#local(pointer.ray.at(1, new THREE.Vector3())).sub(origin);
    if (origin.z <= 0 || ahead.z >= 0) return null;
    const distance_m = -origin.z / ahead.z;
    return this.#hit(origin.addScaledVector(ahead, distance_m), distance_m, "ray");
  }

  /** Whether the tip went through the face in this frame, coming from in front. */
  #tipPress(pointer: Pointer): boolean {
    const depth_m = this.#local(pointer.tip).z * this.group.scale.x;
    const before = this.#tips.get(pointer) ?? { depth_m, armed: depth_m > TIP_RELEASE_M };
    const pressed = before.armed && depth_m <= 0;
    this.#tips.set(pointer, { depth_m, armed: pressed ? false : before.armed || depth_m > TIP_RELEASE_M });
    return pressed;
  }

  #leave(pointer: Pointer): void {
    this.#contacts.delete(pointer);
    this.#tips.delete(pointer);
    const mark = this.#marks.get(pointer);
    if (mark === undefined) return;
    this.group.remove(mark);
    mark.geometry.dispose();
    mark.material.dispose();
    this.#marks.delete(pointer);
  }

  /** A bright frame round what is pointed at; filled while pressed. Costs no new texture. */
  #mark(pointer: Pointer, { over, captured }: Contact): void {
    const mark = this.#marks.get(pointer) ?? this.#newMark(pointer);
    mark.visible = over !== null;
    if (over === null) return;
    const { rect } = over;
    const pressed = captured === over.id;
    mark.geometry.dispose();
    mark.geometry = frameGeometry(rect.w_mm / 1000, rect.h_mm / 1000, pressed ? 0.0026 : 0.0012);
    mark.position.set(
      (rect.x_mm + rect.w_mm / 2 - this.size.width_mm / 2) / 1000,
      (this.size.height_mm / 2 - rect.y_mm - rect.h_mm / 2) / 1000,
      pressed ? 0.0005 : 0.003,
    );
  }

  #newMark(pointer: Pointer): THREE.Mesh<THREE.BufferGeometry, THREE.MeshBasicMaterial> {
    const material = new THREE.MeshBasicMaterial({ color: ACCENT, transparent: true, toneMapped: false });
    const mark = new THREE.Mesh<THREE.BufferGeometry, THREE.MeshBasicMaterial>(new THREE.BufferGeometry(), material);
    mark.renderOrder = 6;
    this.group.add(mark);
    this.#marks.set(pointer, mark);
    return mark;
  }

  #draw(): void {
    const context = this.#context;
    const { width_mm, height_mm } = this.size;
    context.setTransform(TEXELS_PER_MM, 0, 0, TEXELS_PER_MM, 0, 0);
    context.clearRect(0, 0, width_mm, height_mm);
    roundRect(context, { x_mm: 0.5, y_mm: 0.5, w_mm: width_mm - 1, h_mm: height_mm - 1 }, 2 * CORNER_MM);
    context.fillStyle = this.theme.ground;
    context.fill();
    context.strokeStyle = this.theme.rim;
    context.lineWidth = 0.6;
    context.stroke();
    for (const control of this.#controls) DRAW[control.kind](context, control as never, this.theme);
    this.#texture.needsUpdate = true;
  }
}

function roundRect(context: CanvasRenderingContext2D, { x_mm, y_mm, w_mm, h_mm }: Rect, radius_mm: number): void {
  context.beginPath();
  context.roundRect(x_mm, y_mm, w_mm, h_mm, radius_mm);
}

/** A rounded frame of the given line width, round a w x h rectangle at the origin (metres). */
function frameGeometry(w: number, h: number, line: number): THREE.BufferGeometry {
  const outline = <P extends THREE.Path>(grow: number, path: P): P => {
    const [x, y, r] = [w / 2 + grow, h / 2 + grow, CORNER_MM / 1000 + grow];
    path.moveTo(-x + r, -y).lineTo(x - r, -y).absarc(x - r, -y + r, r, -Math.PI / 2, 0, false);
    path.lineTo(x, y - r).absarc(x - r, y - r, r, 0, Math.PI / 2, false);
    path.lineTo(-x + r, y).absarc(-x + r, y - r, r, Math.PI / 2, Math.PI, false);
    path.lineTo(-x, -y + r).absarc(-x + r, -y + r, r, Math.PI, 1.5 * Math.PI, false);
    return path;
  };
  const shape = outline(line, new THREE.Shape());
  shape.holes.push(outline(0, new THREE.Path()));
  return new THREE.ShapeGeometry(shape, 4);
}

function drawText(
  context: CanvasRenderingContext2D,
  text: string,
  box: Rect,
  how: { readonly size: "body" | "label"; readonly align: CanvasTextAlign; readonly colour: string },
): void {
  const fit = { width_px: box.w_mm, cap_px: CAP_MM[how.size], least_px: CAP_MM.label, weight: WEIGHT[how.size] };
  const shown = fitText(context, text, fit);
  const capital = context.measureText("H").actualBoundingBoxAscent;
  const x = { left: box.x_mm, right: box.x_mm + box.w_mm, center: box.x_mm + box.w_mm / 2 }[how.align as "left"];
  context.textAlign = how.align;
  context.textBaseline = "alphabetic";
  context.fillStyle = how.colour;
  context.fillText(shown, x, box.y_mm + (box.h_mm + capital) / 2);
}

function shrink(rect: Rect, left_mm: number, right_mm: number): Rect {
  return { ...rect, x_mm: rect.x_mm + left_mm, w_mm: rect.w_mm - left_mm - right_mm };
}

function drawCaption(context: CanvasRenderingContext2D, caption: Caption, theme: Theme): void {
  const colour = caption.size === "body" ? theme.text : theme.quiet;
  drawText(context, caption.text, caption.rect, { size: caption.size, align: caption.align, colour });
}

function drawPress(context: CanvasRenderingContext2D, press: Press, theme: Theme): void {
  const { rect, icon, swatch } = press;
  const chosen = press.on && swatch === undefined;
  roundRect(context, rect, CORNER_MM);
  context.fillStyle = chosen ? theme.controlOn : theme.control;
  context.fill();
  context.strokeStyle = chosen ? theme.accent : theme.rim;
  context.lineWidth = chosen ? 0.8 : 0.5;
  context.stroke();
  context.globalAlpha = press.disabled ? 0.4 : 1;
  const hidden = swatch !== undefined && !press.on;
  const colour = hidden ? theme.quiet : chosen ? theme.textOn : theme.text;
  let left = 0;
  if (swatch !== undefined) left += drawSwatch(context, rect, swatch, press.on);
  if (icon !== undefined && press.text === "") drawIcon(context, icon, rect.x_mm + rect.w_mm / 2, rect, colour);
  else if (icon !== undefined) {
    drawIcon(context, icon, rect.x_mm + left + PADDING_MM + ICON_MM / 2, rect, colour);
    left += PADDING_MM + ICON_MM;
  }
  const align = left > 0 ? "left" : "center";
  const padding = left > 0 ? PADDING_MM - 1 : 2.5;
  drawText(context, press.text, shrink(rect, left + padding, 2.5), { size: press.size, align, colour });
  context.globalAlpha = 1;
}

/** The structure's colour; hollow when the structure is hidden, so that it does not rest on colour alone. */
function drawSwatch(context: CanvasRenderingContext2D, rect: Rect, swatch: string, filled: boolean): number {
  const side = 9;
  roundRect(context, { x_mm: rect.x_mm + 4, y_mm: rect.y_mm + (rect.h_mm - side) / 2, w_mm: side, h_mm: side }, 2.5);
  context.fillStyle = context.strokeStyle = swatch;
  context.lineWidth = 1.2;
  if (filled) context.fill();
  context.stroke();
  return side + 4;
}

function drawSlider(context: CanvasRenderingContext2D, slider: Slider, theme: Theme): void {
  const { rect, value } = slider;
  const [from, to] = [rect.x_mm + PADDING_MM, rect.x_mm + rect.w_mm - PADDING_MM];
  const y = rect.y_mm + rect.h_mm - 7;
  const at = from + (to - from) * value;
  const line = (x0: number, x1: number, colour: string): void => {
    context.beginPath();
    context.moveTo(x0, y);
    context.lineTo(x1, y);
    context.strokeStyle = colour;
    context.stroke();
  };
  context.lineCap = "round";
  context.lineWidth = 2.2;
  line(from, to, theme.rim);
  if (value > 0) line(from, at, theme.accent);
  context.beginPath();
  context.arc(at, y, 4, 0, 2 * Math.PI);
  context.fillStyle = theme.text;
  context.fill();
  const words = { ...rect, h_mm: rect.h_mm - 11 };
  drawText(context, slider.text, words, { size: "label", align: "center", colour: theme.quiet });
}

const DRAW = { caption: drawCaption, press: drawPress, slider: drawSlider } as const;

function drawIcon(context: CanvasRenderingContext2D, icon: Icon, x: number, rect: Rect, colour: string): void {
  context.save();
  context.translate(x, rect.y_mm + rect.h_mm / 2);
  context.scale(ICON_MM / 24, ICON_MM / 24);
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.lineCap = context.lineJoin = "round";
  context.stroke(new Path2D(ICONS[icon]));
  context.restore();
}

/** Strokes on a 24 x 24 field about the origin. */
const EYE = "M-10 0 Q0 -12 10 0 Q0 12 -10 0 Z M3 0 A3 3 0 1 1 -3 0 A3 3 0 1 1 3 0";
const ICONS: Record<Icon, string> = {
  eye: EYE,
  "eye-off": `${EYE} M-9 9 L9 -9`,
  close: "M-6 -6 L6 6 M6 -6 L-6 6",
  pin: "M-5 -9 H5 M-3 -9 V-2 L-7 3 H7 L3 -2 V-9 M0 3 V10",
  previous: "M4 -8 L-4 0 L4 8",
  next: "M-4 -8 L4 0 L-4 8",
  minus: "M-8 0 H8",
  plus: "M-8 0 H8 M0 -8 V8",
  tick: "M-7 0 L-2 5 L7 -6",
};

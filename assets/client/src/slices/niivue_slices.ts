// The three flat slices, drawn by NiiVue on one canvas behind the panes. It is told what to draw and asked where
// things are; it loads nothing, writes nothing, and hears no mouse: the panes do.

import { DRAG_MODE, NVImage, Niivue, SHOW_RENDER, SLICE_TYPE } from "@niivue/niivue";

import type { Image } from "./nifti";
import { createPicture, type Picture } from "./picture";
import type { Vec3 } from "../model/affine";
import type { Plane, StructureView, Window } from "../model/state";

/** A pane's place on the canvas, as fractions of it: left, top, width, height. */
export type Place = readonly [number, number, number, number];

/** NiiVue's number for its NIfTI reader, which it does not export by name. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- the enum has no name to import
const NIFTI = 1 as Parameters<typeof NVImage.new>[13];

const TYPE: Record<Plane, SLICE_TYPE> = {
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
};

export interface LabelLook extends StructureView {
  readonly label: number;
}

export class NiivueSlices {
  private readonly nv: Niivue;
  private labels: NVImage | null = null;
  private image: NVImage | null = null;
  private windowing = false;

  private constructor(nv: Niivue) {
    this.nv = nv;
  }

  static async create(canvas: HTMLCanvasElement): Promise<NiivueSlices> {
    const nv = new Niivue({
      isResizeCanvas: true,
      show3Dcrosshair: false,
      multiplanarShowRender: SHOW_RENDER.NEVER,
      // True millimetres: an oblique scan is cut along the patient's axes, not its own.
      isSliceMM: true,
      isRadiologicalConvention: true,
      sagittalNoseLeft: true,
      isOrientationTextVisible: false,
      isColorbar: false,
      isRuler: false,
      dragAndDropEnabled: false,
      crosshairWidth: 0,
      backColor: [0, 0, 0, 1],
      dragMode: DRAG_MODE.none,
      dragModePrimary: DRAG_MODE.none,
      logLevel: "silent",
    });
    await nv.attachToCanvas(canvas, false);
    return new NiivueSlices(nv);
  }

  async setImage(image: Image, window: Window): Promise<void> {
    const volume = await NVImage.new(image.buffer, "volume.nii", "gray", 1, null, window.low, window.high, true, 0.02, false, false, "", 0, NIFTI, NaN, NaN, false, null, 0, null);
    this.image = volume;
    this.nv.addVolume(volume);
  }

  async setLabels(image: Image, looks: readonly LabelLook[], strength: number): Promise<void> {
    const volume = await NVImage.new(image.buffer, "labels.nii", "gray", strength, null, 0, 255, true, 0, false, false, "", 0, NIFTI, NaN, NaN, false, null, 0, null);
    volume.setColormapLabel(colormap(looks));
    this.labels = volume;
    this.nv.addVolume(volume);
  }

  paintLabels(looks: readonly LabelLook[], strength: number): void {
    if (this.labels === null) return;
    this.labels.setColormapLabel(colormap(looks));
    this.labels.opacity = strength;
    this.nv.updateGLVolume();
  }

  /** Many calls a frame cost one pass over the voxels. */
  setWindow(window: Window): void {
    if (this.image === null) return;
    this.image.cal_min = window.low;
    this.image.cal_max = window.high;
    if (this.windowing) return;
    this.windowing = true;
    requestAnimationFrame(() => {
      this.windowing = false;
      this.nv.updateGLVolume();
    });
  }

  /** Which planes are seen, and where on the canvas. */
  setPlaces(places: ReadonlyMap<Plane, Place>): void {
    this.nv.setCustomLayout([...places].map(([plane, [l, t, w, h]]) => ({ sliceType: TYPE[plane], position: [l, t, w, h] })));
    this.nv.resizeListener();
    this.nv.drawScene();
  }

  /** The linked position, in patient millimetres (LPS). */
  setCursor([x, y, z]: Vec3): void {
    this.nv.scene.crosshairPos = this.nv.mm2frac([-x, -y, z]);
    this.nv.drawScene();
  }

  /** Zoom about `focus` (LPS mm, drawn at the centre of every pane); 1 shows the whole volume. */
  setZoom(zoom: number, offset_mm: Vec3): void {
    this.nv.scene.pan2Dxyzmm = [-offset_mm[0], -offset_mm[1], offset_mm[2], zoom];
    this.nv.drawScene();
  }

  /** How a plane's picture maps CSS pixels of the canvas to patient millimetres; null while nothing is drawn. */
  picture(plane: Plane): Picture | null {
    const index = this.nv.screenSlices.findIndex((each) => each.axCorSag === TYPE[plane]);
    const tile = this.nv.screenSlices[index];
    if (tile === undefined || this.image === null) return null;
    const dpr = this.nv.uiData.dpr ?? 1;
    const [left, top, width, height] = tile.leftTopWidthHeight as [number, number, number, number];
    const at = (u: number, v: number): Vec3 => {
      const frac = this.nv.screenXY2TextureFrac(left + u * width, top + v * height, index, false);
      const mm = this.nv.frac2mm(frac, 0, true);
      return [-mm[0], -mm[1], mm[2]];
    };
    // Asked well inside: NiiVue answers nothing for a point that rounding puts outside its tile.
    const place = [(left + width / 4) / dpr, (top + height / 4) / dpr] as const;
    const size = [width / 2 / dpr, height / 2 / dpr] as const;
    return createPicture(place, size, at(0.25, 0.25), at(0.75, 0.25), at(0.25, 0.75));
  }

  dispose(): void {
    this.nv.cleanup();
    this.nv.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

function colormap(looks: readonly LabelLook[]): { R: number[]; G: number[]; B: number[]; A: number[]; I: number[]; labels: string[] } {
  const shown = [...looks].sort((a, b) => a.label - b.label);
  const channel = (c: 0 | 1 | 2): number[] => [0, ...shown.map((look) => look.colour[c])];
  return {
    R: channel(0),
    G: channel(1),
    B: channel(2),
    // As faint as in 3-D: a shell round everything must not veil what is read.
    A: [0, ...shown.map((look) => (look.visible ? Math.round(255 * look.opacity) : 0))],
    I: [0, ...shown.map((look) => look.label)],
    labels: ["", ...shown.map(() => "")],
  };
}

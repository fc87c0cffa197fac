// The most urgent alarm, before the eyes wherever they look: the one thing that hangs on the head. Sign, word and text.

import * as THREE from "three";

import { fitText, setCapHeight } from "./canvas_text";
import { BODY_CAP_DEG, lengthFor } from "./legibility";
import type { Theme } from "./theme";
import { byUrgency, PRIORITY_WORDS, shownText } from "../model/alarm";
import type { Alert } from "../wire/messages";

const WIDTH_PX = 960;
const HEIGHT_PX = 150;
const CAP_PX = 34;
/** Where it hangs: near enough to be one with what is looked at, over the line of sight. */
const AHEAD_M = 0.8;
const UP_DEG = 17;
const COLOURS: Readonly<Record<string, string>> = { red: "#ff4b4b", yellow: "#ffd23f", cyan: "#4fd8ea" };
const SHAPES: Readonly<Record<string, string>> = {
  octagon: "M7 1h10l6 6v10l-6 6H7l-6-6V7Z",
  triangle: "M12 2 23 22H1Z",
  circle: "M12 1a11 11 0 1 1 0 22 11 11 0 0 1 0-22Z",
};
/** Part of a flash in which the sign is on. */
const DUTY = 0.55;

export class AlarmSign {
  readonly mesh: THREE.Mesh<THREE.PlaneGeometry, THREE.MeshBasicMaterial>;
  #text = "";
  #drawn = "";
  readonly #context: CanvasRenderingContext2D;
  readonly #texture: THREE.CanvasTexture;

  constructor(private readonly theme: Theme) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [WIDTH_PX, HEIGHT_PX];
    this.#context = canvas.getContext("2d")!;
    this.#texture = new THREE.CanvasTexture(canvas);
    this.#texture.colorSpace = THREE.SRGBColorSpace;
    const metresPerPx = lengthFor(BODY_CAP_DEG, AHEAD_M) / CAP_PX;
    const material = new THREE.MeshBasicMaterial({ map: this.#texture, transparent: true, depthTest: false, depthWrite: false, toneMapped: false });
    this.mesh = new THREE.Mesh(new THREE.PlaneGeometry(WIDTH_PX * metresPerPx, HEIGHT_PX * metresPerPx), material);
    this.mesh.renderOrder = 2000;
    this.mesh.visible = false;
  }

  /** What it says now; empty while it is not there. */
  get text(): string {
    return this.mesh.visible ? this.#text : "";
  }

  /** `isTold`: whether the tool that figures are of is known. What is low hangs on no head. */
  step(alerts: readonly Alert[], isTold: boolean, head: THREE.Matrix4, time_s: number): void {
    const [alert] = byUrgency(alerts);
    this.mesh.visible = alert !== undefined && alert.priority !== "low";
    if (alert === undefined || !this.mesh.visible) return;
    this.#text = `${PRIORITY_WORDS[alert.priority]}: ${shownText(alert.text, isTold)}`;
    const isOn = alert.flashes_hz === 0 || (time_s * alert.flashes_hz) % 1 < DUTY;
    this.#draw(alert, isOn);
    const up = THREE.MathUtils.degToRad(UP_DEG);
    this.mesh.position.set(0, AHEAD_M * Math.sin(up), -AHEAD_M * Math.cos(up)).applyMatrix4(head);
    this.mesh.quaternion.setFromRotationMatrix(head);
  }

  dispose(): void {
    this.#texture.dispose();
    this.mesh.geometry.dispose();
    this.mesh.material.dispose();
    this.mesh.removeFromParent();
  }

  #draw(alert: Alert, isOn: boolean): void {
    const drawn = `${this.#text} ${alert.colour} ${alert.shape} ${isOn}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const context = this.#context;
    const colour = COLOURS[alert.colour] ?? COLOURS["red"]!;
    context.clearRect(0, 0, WIDTH_PX, HEIGHT_PX);
    if (this.theme.halo !== null) {
      context.fillStyle = "rgba(8, 11, 14, 0.88)";
      context.beginPath();
      context.roundRect(3, 3, WIDTH_PX - 6, HEIGHT_PX - 6, 24);
      context.fill();
    }
    context.strokeStyle = colour;
    context.lineWidth = 6;
    context.stroke();
    context.save();
    context.globalAlpha = isOn ? 1 : 0.15;
    context.translate(26, 27);
    context.scale(4, 4);
    context.fillStyle = colour;
    context.fill(new Path2D(SHAPES[alert.shape] ?? SHAPES["octagon"]!));
    context.strokeStyle = "#10151a";
    context.lineWidth = 3;
    context.lineCap = "round";
    context.stroke(new Path2D("M12 7v7M12 17.5v.5"));
    context.restore();
    context.fillStyle = this.theme.text;
    context.textBaseline = "alphabetic";
    setCapHeight(context, CAP_PX, 600);
    const fit = { width_px: WIDTH_PX - 190, cap_px: CAP_PX, least_px: CAP_PX * 0.62, weight: 600 };
    context.fillText(fitText(context, this.#text, fit), 160, HEIGHT_PX / 2 + CAP_PX / 2);
    this.#texture.needsUpdate = true;
  }
}

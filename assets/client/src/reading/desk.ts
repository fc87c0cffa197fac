// What a trainee does in the reading room, flat or in a headset: every act becomes an event, and the state follows.

import { apply, distance, inverse, type Vec3 } from "../model/affine";
import { along, normalOf, rewindowed, scrolled, through, tilted, zoomed, type Cut } from "../model/reading/cut";
import { firstCut, panesOf, presetsOf, sharesFrame, type Layout } from "../model/reading/hanging";
import { Journal, type Happening } from "../model/reading/journal";
import { boxOf, fillRuns, meanInDisc, paintDisc, runsOf } from "../model/reading/painting";
import { INITIAL_DESK, isAllCommitted, nodeOf, taskOf, toolFor, volumeOfTask, type Desk, type DeskStore, type Phase, type Tool } from "../model/reading/state";
import { Viewing, type Look, type Shown } from "../model/reading/viewing";
import { after, nextMark, NO_WORK, workOf } from "../model/reading/work";
import { valueOfSample, windowOf } from "../model/scene";
import type { Plane } from "../model/state";
import type { Voxels } from "../slices/reslice";
import { Refused } from "../wire/call";
import { keptEvents } from "../wire/kept_events";
import type { Scene, WindowPreset } from "../wire/messages";
import { eventsOf, feedback, learner, nextReading, progress, readingNow, studyScene } from "../wire/training";
import type { Answer, AnyEvent, NextAsk, Pane, ReadingNow } from "../wire/training_messages";

/** Images that the server still makes are asked for again. */
const ASK_AGAIN_MS = 700;
/** A break is offered after reading for so long, and so long after it was put off. */
export const BREAK_AFTER_S = 25 * 60;
/** Time stands still while a page is asleep. */
const LONGEST_STEP_S = 5;
const UNSURE = 0.5;
/** A mark this near to where one presses is taken up and not doubled. */
const SAME_MARK_MM = 4;
const REMEMBERED = "sightline.reading";

/** Who brings voxels; told of scenes, tells of samples. */
export interface Studies {
  open(volume: string, scene: Scene): void;
  close(): void;
  voxels(volume: string): Voxels | null;
  /** Labels were painted. */
  painted(volume: string): void;
}

export class ReadingDesk {
  private journal: Journal | null = null;
  private events: AnyEvent[] = [];
  private readonly viewing = new Viewing((happening) => {
    if (this.mayView()) this.happen(happening);
  });
  private clock_s = 0;
  private ticked_ms = performance.now();
  private breakDue_s = BREAK_AFTER_S;
  private release: (() => void) | null = null;
  private readonly asking = new Set<string>();
  private where: { readonly where: "flat" | "vr"; readonly has_gaze: boolean } = { where: "flat", has_gaze: false };
  private opened = 0;
  private retryWith: (() => void) | null = null;

  constructor(
    readonly store: DeskStore,
    private readonly studies: Studies,
  ) {}

  // --- coming and going ---------------------------------------------------------------------------

  /** `wanted`: a case that the address asks for; else the reading that was open last goes on. */
  async arrive(wanted: NextAsk | null = null): Promise<void> {
    await this.attempt(async () => {
      const me = await learner();
      this.set({ learner: me });
      if (wanted !== null) {
        await this.open(await nextReading(wanted));
        return;
      }
      const last = remembered();
      if (last === null) return;
      const now = await readingNow(last).catch((error: unknown) => {
        if (error instanceof Refused && error.status !== null) return null;
        throw error;
      });
      if (now !== null) await this.open(now);
      else forget();
    }, () => void this.arrive(wanted));
  }

  async next(ask: NextAsk = { mode: "practice", case: null }): Promise<void> {
    await this.attempt(async () => {
      this.set({ phase: "opening", told: null, trouble: null });
      await this.open(await nextReading(ask));
    }, () => void this.next(ask));
  }

  private async open(now: ReadingNow): Promise<void> {
    this.close();
    if (!(await this.hold(now.id))) {
      this.set({ phase: "lobby", trouble: { words: "This reading is open in another window. Go on there, or close it and try again.", canRetry: true } });
      this.retryWith = () => void this.open(now);
      return;
    }
    const opened = this.opened;
    const { keep, left } = await keptEvents(now.id);
    if (opened !== this.opened) return;
    remember(now.id);
    const journal = new Journal(now.next_event, left, keep, eventsOf(now.id, (heard) => this.hear(heard)), () => this.clock_s, (link) => this.set({ link }));
    this.journal = journal;
    this.events = [...now.events, ...journal.waiting];
    const work = this.events.reduce(after, NO_WORK);
    this.clock_s = work.last_s;
    this.breakDue_s = work.read_s + BREAK_AFTER_S;
    const { learner: me, hand, progress: known } = this.store.get();
    this.store.update(() => ({ ...INITIAL_DESK, learner: me, hand, progress: known, phase: work.isRevealed ? "opening" : "reading", reading: now, work }));
    this.viewing.forget();
    this.begin();
    this.chooseTask(null);
    this.askStudies();
    if (work.isRevealed) await this.tell();
  }

  /** Says where the reading goes on. */
  private begin(): void {
    if (!this.store.get().work.isRevealed) this.happen({ kind: "began", ...this.where, hand: this.store.get().hand });
  }

  /** Whether the wall stands in the headset: the page behind it shows nothing. */
  get isInHeadset(): boolean {
    return this.where.where === "vr";
  }

  /** The headset was put on or taken off. */
  setWhere(where: "flat" | "vr", has_gaze: boolean): void {
    this.where = { where, has_gaze };
    if (this.journal !== null) this.begin();
    this.viewing.forget();
  }

  setHand(hand: "left" | "right"): void {
    if (hand === this.store.get().hand) return;
    this.set({ hand });
    if (this.journal !== null) this.begin();
  }

  private close(): void {
    this.opened += 1;
    this.journal?.end();
    this.journal = null;
    this.release?.();
    this.release = null;
    this.asking.clear();
    this.studies.close();
  }

  /** Only one window works on a reading: events are numbered in one place. */
  private hold(id: string): Promise<boolean> {
    if (!("locks" in navigator)) return Promise.resolve(true);
    return new Promise((resolve) => {
      void navigator.locks.request(`sightline-reading-${id}`, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock === null ? undefined : new Promise<void>((free) => (this.release = free));
      });
    });
  }

  private hear(now: ReadingNow): void {
    const { reading } = this.store.get();
    if (reading?.id !== now.id) return;
    const studies = newOf(reading.case.volumes, now.case.volumes);
    const tasks = newOf(reading.case.tasks, now.case.tasks);
    this.store.update((desk) => ({ ...desk, reading: { ...now, events: [] } }));
    // Who looks back at what is answered is left there, until there is something new to answer.
    if (taskOf(this.store.get()) === null || (tasks.length > 0 && this.workNow()?.isCommitted)) this.chooseTask(null);
    if (studies.length > 0) this.set({ layout: "hung", filled: null, notice: `New: ${studies.map(({ title }) => title).join(", ")}` });
    this.askStudies();
  }

  /** Time goes on; what is due happens. */
  tick(now_ms = performance.now()): void {
    const passed_s = Math.max(0, (now_ms - this.ticked_ms) / 1000);
    this.ticked_ms = now_ms;
    this.clock_s += Math.min(LONGEST_STEP_S, passed_s);
    if (this.mayView()) this.viewing.tick(this.clock_s);
    const { phase, offersBreak } = this.store.get();
    if (phase === "reading" && !offersBreak && this.read_s() >= this.breakDue_s) this.set({ offersBreak: true });
  }

  /** Time that was read so far, breaks left out. */
  read_s(): number {
    const { work } = this.store.get();
    return work.read_s + (work.isPaused || work.isRevealed ? 0 : Math.max(0, this.clock_s - work.last_s));
  }

  /** The line may be back. */
  retry(): void {
    this.journal?.retry();
    const again = this.retryWith;
    this.retryWith = null;
    this.set({ trouble: null });
    again?.();
  }

  // --- events -------------------------------------------------------------------------------------

  private happen(happening: Happening): void {
    if (this.journal === null) return;
    const event = this.journal.add(happening);
    this.events.push(event);
    this.store.update((desk) => ({ ...desk, work: after(desk.work, event) }));
  }

  private mayView(): boolean {
    const { phase, work } = this.store.get();
    return phase === "reading" && !work.isRevealed && !work.isPaused;
  }

  shown(pane: number, shown: Shown | null): void {
    this.viewing.show(pane, shown, this.mayView() ? this.clock_s : null);
  }

  looked(look: Look): void {
    if (this.mayView()) this.viewing.looked(look, this.clock_s);
  }

  pause(): void {
    if (!this.mayView()) return;
    this.set({ offersBreak: false });
    this.happen({ kind: "paused" });
  }

  resume(): void {
    if (!this.store.get().work.isPaused) return;
    this.breakDue_s = this.read_s() + BREAK_AFTER_S;
    this.happen({ kind: "resumed" });
  }

  putOffBreak(): void {
    this.breakDue_s = this.read_s() + BREAK_AFTER_S / 5;
    this.set({ offersBreak: false });
  }

  // --- tasks --------------------------------------------------------------------------------------

  private workNow(): Desk["work"]["tasks"][string] | null {
    const { task, work } = this.store.get();
    return task === null ? null : workOf(work, task);
  }

  /** null: the first that is not answered yet. */
  chooseTask(id: string | null): void {
    this.store.update((desk) => {
      const tasks = desk.reading?.case.tasks ?? [];
      const task = id ?? tasks.find((each) => !workOf(desk.work, each.id).isCommitted)?.id ?? tasks.at(-1)?.id ?? null;
      const view = tasks.find((each) => each.id === task) ?? null;
      const isOpen = task !== null && !workOf(desk.work, task).isCommitted;
      return { ...desk, task, mark: null, tool: isOpen ? toolFor(view) : "point" };
    });
    this.showStudyOfTask();
    this.showPainting();
  }

  /** What is asked of a study that does not hang can only be answered once it does. */
  private showStudyOfTask(): void {
    const desk = this.store.get();
    const volume = taskOf(desk)?.volume ?? null;
    if (volume !== null && desk.cuts.length > 0 && !desk.cuts.some((cut) => cut.volume === volume)) this.setLayout("hung");
  }

  /** Marks a place for the task that is worked on, or takes up the mark that is there. */
  mark(at_mm: Vec3): void {
    const task = taskOf(this.store.get());
    const work = this.workNow();
    if (task?.kind !== "mark" || work === null || work.isCommitted || !this.mayView()) return;
    const near = work.marks.find((mark) => distance(mark.at_mm, at_mm) <= SAME_MARK_MM);
    if (near) {
      this.set({ mark: near.id });
      return;
    }
    const name = nextMark(this.events, task.id);
    this.happen({ kind: "marked", task: task.id, mark: name, at_mm: [...at_mm] as [number, number, number], confidence: UNSURE });
    this.set({ mark: name });
  }

  /** Changes a mark of the task that is worked on. */
  setMark(id: string, change: { readonly at_mm?: Vec3; readonly confidence?: number }): void {
    const { task } = this.store.get();
    const mark = this.workNow()?.marks.find((each) => each.id === id);
    if (task === null || !mark || !this.mayView()) return;
    const next = { ...mark, ...change };
    this.happen({ kind: "marked", task, mark: id, at_mm: [...next.at_mm] as [number, number, number], confidence: next.confidence });
  }

  unmark(id: string): void {
    const { task } = this.store.get();
    if (task === null || !this.mayView()) return;
    this.happen({ kind: "unmarked", task, mark: id });
    this.set({ mark: null });
  }

  answer(answer: Answer): void {
    const task = taskOf(this.store.get());
    if (task === null || this.workNow()?.isCommitted || !this.mayView()) return;
    const confidence = task.asks_confidence ? (this.workNow()?.given?.confidence ?? UNSURE) : null;
    this.happen({ kind: "answered", task: task.id, answer, confidence });
  }

  setConfidence(confidence: number): void {
    const { task } = this.store.get();
    const given = this.workNow()?.given;
    if (task !== null && given && this.mayView()) this.happen({ kind: "answered", task, answer: given.answer, confidence });
  }

  hint(): void {
    const task = taskOf(this.store.get());
    const work = this.workNow();
    if (task !== null && work && work.hints < task.hints.length && this.mayView()) this.happen({ kind: "hinted", task: task.id });
  }

  commit(): void {
    const desk = this.store.get();
    const task = taskOf(desk);
    if (task === null || this.workNow()?.isCommitted || !this.mayView()) return;
    // Who leaves the items as they stood means that order.
    if (task.kind === "order" && !this.workNow()?.given) this.answer({ kind: "order", items: task.options.map(({ id }) => id) });
    // What was laid to measure is not in the way of what is asked next.
    this.set({ notice: null, ...(task.kind === "measure" ? { rulers: [], regions: [] } : {}) });
    this.happen({ kind: "committed", task: task.id });
    this.chooseTask(null);
  }

  /** What is there: only once everything is answered, and the server knows it. */
  async reveal(): Promise<void> {
    const desk = this.store.get();
    if (!isAllCommitted(desk) || desk.work.isRevealed || this.journal === null) return;
    this.happen({ kind: "revealed" });
    await this.tell();
  }

  private async tell(): Promise<void> {
    const { reading } = this.store.get();
    if (reading === null) return;
    this.set({ phase: "opening" });
    await this.attempt(async () => {
      await this.settle();
      const told = await feedback(reading.id);
      this.set({ told, phase: "feedback", tool: "point", shown: null });
      // What was simulated or outlined may be shown now.
      this.asking.clear();
    }, () => void this.tell());
  }

  /** Until the server has everything. */
  private async settle(): Promise<void> {
    this.journal?.retry();
    while ((this.journal?.waiting.length ?? 0) > 0) {
      if (this.store.get().link === "refused") throw new Error("refused");
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  async showProgress(): Promise<void> {
    await this.attempt(async () => this.set({ progress: await progress(), phase: "progress" }), () => void this.showProgress());
  }

  leaveProgress(): void {
    const { told, reading, work } = this.store.get();
    const phase: Phase = told !== null ? "feedback" : reading !== null && !work.isRevealed ? "reading" : "lobby";
    this.set({ phase });
  }

  // --- images -------------------------------------------------------------------------------------

  private askStudies(): void {
    const { reading } = this.store.get();
    for (const { id } of reading?.case.volumes ?? []) void this.askStudy(reading!.id, id);
  }

  private async askStudy(reading: string, volume: string): Promise<void> {
    if (this.asking.has(volume)) return;
    this.asking.add(volume);
    const opened = this.opened;
    this.setStudy(volume, { state: "asked", fraction: 0, node: null });
    for (;;) {
      try {
        const scene = await studyScene(reading, volume);
        if (opened !== this.opened) return;
        if (scene !== null) {
          this.studies.open(volume, scene);
          return;
        }
        this.setStudy(volume, { state: "making", fraction: 0, node: null });
      } catch (error) {
        if (opened !== this.opened) return;
        if (error instanceof Refused && error.status !== null && error.status < 500) {
          this.setStudy(volume, { state: "failed", fraction: 0, node: null });
          return;
        }
      }
      await new Promise((done) => setTimeout(done, ASK_AGAIN_MS));
      if (opened !== this.opened) return;
    }
  }

  setStudy(volume: string, part: Partial<Desk["studies"][string]>): void {
    this.store.update((desk) => ({ ...desk, studies: { ...desk.studies, [volume]: { ...(desk.studies[volume] ?? { state: "asked", fraction: 0, node: null }), ...part } } }));
    if (part.node) this.hang();
  }

  setLayout(layout: Layout): void {
    this.set({ layout, cuts: [], filled: null, active: 0 });
    this.hang();
  }

  /** Puts up the panes whose studies are known; those that hang stay as they are. */
  private hang(): void {
    this.store.update((desk) => {
      if (desk.reading === null) return desk;
      const view = desk.reading.case;
      const wishes = panesOf(view, desk.layout);
      const isHung = desk.cuts.length === wishes.length && wishes.every(({ volume }, index) => desk.cuts[index]!.volume === volume);
      if (isHung || !wishes.every(({ volume }) => nodeOf(desk, volume) !== null)) return desk;
      // Panes that hung before stay as they were scrolled and windowed.
      const left = [...desk.cuts];
      const cutOf = (wish: Pane): Cut => {
        const at = left.findIndex(({ volume, plane }) => volume === wish.volume && plane === wish.plane);
        return at < 0 ? firstCut(view, nodeOf(desk, wish.volume)!, wish) : left.splice(at, 1)[0]!;
      };
      return { ...desk, cuts: wishes.map(cutOf) };
    });
    this.showPainting();
  }

  presets(pane: number): readonly WindowPreset[] {
    const desk = this.store.get();
    const cut = desk.cuts[pane];
    const node = cut && nodeOf(desk, cut.volume);
    return node && desk.reading ? presetsOf(desk.reading.case, node) : [];
  }

  private recut(pane: number, change: (cut: Cut) => Cut): void {
    this.store.update((desk) => {
      const cut = desk.cuts[pane];
      return cut === undefined ? desk : { ...desk, cuts: desk.cuts.map((each, index) => (index === pane ? change(each) : each)) };
    });
  }

  setActive(pane: number): void {
    if (pane !== this.store.get().active) this.set({ active: pane });
  }

  fill(pane: number | null): void {
    this.set({ filled: pane, active: pane ?? this.store.get().active });
  }

  /** Steps up the stack. Linked panes of another study that are cut the same way go along. */
  scroll(pane: number, steps: number): void {
    const desk = this.store.get();
    const cut = desk.cuts[pane];
    const node = cut && nodeOf(desk, cut.volume);
    if (!node || steps === 0) return;
    const moved = scrolled(node, cut, steps);
    const by = distance(moved.at_mm, cut.at_mm) * Math.sign(steps);
    this.recut(pane, () => moved);
    if (!desk.isLinked || cut.plane === null) return;
    desk.cuts.forEach((other, index) => {
      const beside = nodeOf(desk, other.volume);
      if (index === pane || !beside || other.plane !== cut.plane || other.volume === cut.volume) return;
      const way = moved.at_mm.map((value, axis) => other.at_mm[axis]! + value - cut.at_mm[axis]!) as unknown as Vec3;
      if (by !== 0) this.recut(index, (each) => through(beside, each, way));
    });
  }

  setWindow(pane: number, preset: WindowPreset): void {
    this.windowAll(pane, windowOf(preset));
  }

  dragWindow(pane: number, dx: number, dy: number): void {
    const cut = this.store.get().cuts[pane];
    if (cut) this.windowAll(pane, rewindowed(cut.window, dx, dy));
  }

  /** Panes of one study share their window. */
  private windowAll(pane: number, window: Cut["window"]): void {
    this.store.update((desk) => {
      const volume = desk.cuts[pane]?.volume;
      return { ...desk, cuts: desk.cuts.map((cut) => (cut.volume === volume || desk.isLinked ? { ...cut, window } : cut)) };
    });
  }

  zoom(pane: number, factor: number, about_mm: Vec3): void {
    this.recut(pane, (cut) => zoomed(cut, factor, about_mm));
  }

  pan(pane: number, by_mm: Vec3): void {
    this.recut(pane, (cut) => ({ ...cut, focus_mm: cut.focus_mm.map((value, axis) => value - by_mm[axis]!) as unknown as Vec3 }));
  }

  tilt(pane: number, yaw: number, pitch: number): void {
    this.recut(pane, (cut) => tilted(cut, yaw, pitch));
  }

  setPlane(pane: number, plane: Plane): void {
    this.recut(pane, (cut) => {
      const node = nodeOf(this.store.get(), cut.volume);
      return node ? along(node, cut, plane) : cut;
    });
  }

  setSlab(pane: number, slab_mm: number): void {
    this.recut(pane, (cut) => ({ ...cut, slab_mm }));
  }

  reset(pane: number): void {
    const desk = this.store.get();
    const wish = desk.reading && panesOf(desk.reading.case, desk.layout)[pane];
    const node = wish && nodeOf(desk, wish.volume);
    if (desk.reading && wish && node) this.recut(pane, () => firstCut(desk.reading!.case, node, wish));
  }

  /** The place that is spoken of: other panes of the same frame go through it. */
  point(pane: number, at_mm: Vec3): void {
    const desk = this.store.get();
    const from = desk.cuts[pane] && nodeOf(desk, desk.cuts[pane].volume);
    if (!from) return;
    this.set({ crosshair_mm: at_mm });
    desk.cuts.forEach((cut, index) => {
      const node = nodeOf(desk, cut.volume);
      if (index !== pane && node && sharesFrame(from, node)) this.recut(index, (each) => through(node, each, at_mm));
    });
  }

  /** Brings every pane of a study to a place. */
  goTo(volume: string, at_mm: Vec3): void {
    this.set({ crosshair_mm: null });
    this.store.get().cuts.forEach((cut, index) => {
      const node = nodeOf(this.store.get(), cut.volume);
      if (cut.volume === volume && node) this.recut(index, (each) => through(node, each, at_mm));
    });
  }

  setTool(tool: Tool): void {
    this.set({ tool, rubber: null });
  }

  set(part: Partial<Desk>): void {
    this.store.update((desk) => ({ ...desk, ...part }));
  }

  // --- what is drawn ------------------------------------------------------------------------------

  /** Value at a place in the unit of its study; null where there is none. */
  value(volume: string, at_mm: Vec3): number | null {
    const voxels = this.studies.voxels(volume);
    if (!voxels) return null;
    const [i, j, k] = apply(inverse(voxels.node.patient_from_voxel), at_mm).map(Math.round) as [number, number, number];
    return sampleAt(voxels, i, j, k);
  }

  /** A stroke of the brush on the slice of a pane. */
  paint(pane: number, from_mm: Vec3, to_mm: Vec3): void {
    const desk = this.store.get();
    const task = taskOf(desk);
    const cut = desk.cuts[pane];
    if (task?.kind !== "segment" || !cut || cut.volume !== volumeOfTask(desk, task) || this.workNow()?.isCommitted) return;
    const voxels = this.studies.voxels(cut.volume);
    if (voxels && paintDisc(voxels.labels, voxels.node, cut, from_mm, to_mm, desk.brush_mm, desk.tool === "eraser" ? 0 : 1)) this.studies.painted(cut.volume);
  }

  /** What was painted is the answer so far. */
  endStroke(): void {
    const desk = this.store.get();
    const task = taskOf(desk);
    const voxels = task && this.studies.voxels(volumeOfTask(desk, task) ?? "");
    if (task?.kind === "segment" && voxels) this.answer({ kind: "segment", runs: runsOf(voxels.labels, voxels.node.shape[0]) });
  }

  /** The painting of the task that is worked on, and of no other. */
  private showPainting(): void {
    const desk = this.store.get();
    const task = taskOf(desk);
    for (const { id } of desk.reading?.case.volumes ?? []) {
      const voxels = this.studies.voxels(id);
      if (!voxels) continue;
      const given = task !== null && volumeOfTask(desk, task) === id ? this.workNow()?.given?.answer : undefined;
      fillRuns(voxels.labels, given?.kind === "segment" ? given.runs : []);
      this.studies.painted(id);
    }
  }

  /** Two ends were laid: a ruler, a box or a region, and the answer where the task asks for one. */
  draw(pane: number, from_mm: Vec3, to_mm: Vec3): void {
    const desk = this.store.get();
    const task = taskOf(desk);
    const cut = desk.cuts[pane];
    const node = cut && nodeOf(desk, cut.volume);
    this.set({ rubber: null });
    if (!node || distance(from_mm, to_mm) < 0.5) return;
    const isOf = task !== null && cut.volume === volumeOfTask(desk, task);
    if (desk.tool === "measure") {
      this.set({ rulers: [...desk.rulers, { volume: cut.volume, from_mm, to_mm }] });
      if (isOf && task.kind === "measure" && task.quantity === "diameter_mm") {
        this.answer({ kind: "measure", value: distance(from_mm, to_mm), ends_mm: [[...from_mm] as [number, number, number], [...to_mm] as [number, number, number]] });
      }
    }
    if (desk.tool === "box" && isOf && task.kind === "box") {
      const before = this.workNow()?.given?.answer;
      this.answer({ kind: "box", ...boxOf(node, cut, from_mm, to_mm, before?.kind === "box" ? before : null) });
    }
    if (desk.tool === "region") {
      this.set({ regions: [{ volume: cut.volume, normal: normalOf(cut), centre_mm: from_mm, rim_mm: to_mm }] });
      const mean = this.regionMean(cut, from_mm, distance(from_mm, to_mm));
      if (isOf && task.kind === "measure" && mean !== null) this.answer({ kind: "measure", value: mean, ends_mm: null });
    }
  }

  regionMean(cut: Cut, centre_mm: Vec3, radius_mm: number): number | null {
    const voxels = this.studies.voxels(cut.volume);
    return voxels ? meanInDisc((i, j, k) => sampleAt(voxels, i, j, k), voxels.node, cut, centre_mm, radius_mm) : null;
  }

  /** What is averaged in the circle of a cut's study; null where none was drawn. */
  regionText(cut: Cut): string | null {
    const { regions, studies } = this.store.get();
    const region = regions.find(({ volume }) => volume === cut.volume);
    const mean = region && this.regionMean(cut, region.centre_mm, distance(region.rim_mm, region.centre_mm));
    return mean == null ? null : `mean ${Math.round(mean)} ${studies[cut.volume]?.node?.quantity ?? ""}`;
  }

  /** A point of the path that the trainee guides himself: entry first, target last. */
  addPathPoint(at_mm: Vec3): void {
    const given = this.workNow()?.given?.answer;
    const path = given?.kind === "guide" && given.path.length < 2 ? given.path : [];
    this.answer({ kind: "guide", path: [...path, [path.length, ...at_mm]], nearest: null });
  }

  private async attempt(act: () => Promise<void>, again: () => void): Promise<void> {
    try {
      await act();
    } catch (error) {
      const words = error instanceof Refused ? error.failure.summary : "Something went wrong in this page. What you did is kept.";
      this.retryWith = again;
      this.set({ trouble: { words, canRetry: true } });
    }
  }
}

/** Those of `now` that were not there `before`. */
function newOf<T extends { readonly id: string }>(before: readonly T[], now: readonly T[]): T[] {
  const known = new Set(before.map(({ id }) => id));
  return now.filter(({ id }) => !known.has(id));
}

function sampleAt(voxels: Voxels, i: number, j: number, k: number): number | null {
  const [ni, nj, nk] = voxels.node.shape;
  if (i < 0 || j < 0 || k < 0 || i >= ni || j >= nj || k >= nk) return null;
  const raw = voxels.samples[(k * nj + j) * ni + i]!;
  return raw === -32768 ? null : valueOfSample(voxels.node, raw);
}

function remembered(): string | null {
  return localStorage.getItem(REMEMBERED);
}

function remember(id: string): void {
  localStorage.setItem(REMEMBERED, id);
}

function forget(): void {
  localStorage.removeItem(REMEMBERED);
}

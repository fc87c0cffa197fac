// The socket: hello, snapshot, numbered changes, poses; silence is noticed; lost connections come back by themselves.

import { learned, offsetAt, type Exchange, type Offset } from "../model/clock";
import { SILENT_AFTER_S } from "../model/freshness";
import { decodeRecords, encodeAnswer, encodeAsk, type Pose, type Reading, type Received } from "./binary";
import { holdBlob } from "./blobs";
import { PROTOCOL, type ClientMessage, type Hello, type ServerMessage } from "./messages";

export interface SocketEvents {
  message(message: ServerMessage): void;
  pose(pose: Pose): void;
  reading(reading: Reading): void;
  /** The server is heard: after a new connection, or after a silence. */
  live(isNew: boolean): void;
  /** It is not heard any more; `silent_s` is when it last was, on this page's clock. */
  lost(silent_s: number): void;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8000;
/** Close codes from here on are the server's own refusals (not understood, not allowed, wrong protocol). */
const FIRST_REFUSAL_CODE = 4400;
const WATCH_EVERY_MS = 50;
const ASK_EVERY_S = 1;
/** An open connection that is silent for this long is given up for a new one. */
const GIVE_UP_AFTER_S = 5;

/** How long to wait before attempt `n` (from 0), `chance` in 0..1: doubling, jittered so that peers spread out. */
export function backOff_ms(attempt: number, chance: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (0.5 + chance / 2);
}

const now_s = (): number => performance.now() / 1000;

export class Socket {
  private epoch: string | null = null;
  private lastSeq: number | null = null;
  private attempt = 0;
  private timer: number | undefined;
  private socket: WebSocket | null = null;
  private isHeard = false;
  private heard_s = now_s();
  private asked_s = -Infinity;
  private exchanges: readonly Exchange[] = [];

  constructor(
    private readonly url: string,
    private readonly events: SocketEvents,
  ) {
    this.open();
    window.setInterval(() => this.watch(), WATCH_EVERY_MS);
  }

  /** Asks for something; false while there is nobody to ask. */
  send(request: ClientMessage): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(request));
    return true;
  }

  /** Tries at once instead of waiting. */
  retry(): void {
    if (this.socket !== null) return;
    window.clearTimeout(this.timer);
    this.open();
  }

  /** What to add to `performance.now() / 1000` to have the hub's clock; null while that is not known. */
  offset(): Offset | null {
    return offsetAt(this.exchanges, now_s());
  }

  /** How long the server has not been heard. */
  silence_s(): number {
    return now_s() - this.heard_s;
  }

  private open(): void {
    const socket = new WebSocket(this.url, PROTOCOL);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    // Times of a server that was started anew are others.
    this.exchanges = [];
    this.asked_s = -Infinity;
    socket.addEventListener("open", () => {
      this.heard_s = now_s();
      socket.send(JSON.stringify(this.hello()));
      // A peer that missed nothing is told nothing: open is as live as it gets.
      this.attempt = 0;
      this.isHeard = true;
      this.events.live(true);
    });
    socket.addEventListener("message", (event: MessageEvent<string | ArrayBuffer>) => this.heard(socket, event.data));
    socket.addEventListener("close", (event) => this.closed(socket, event.code));
  }

  private hello(): Hello {
    const { epoch, lastSeq: last_seq } = this;
    // Who this is stands in the cookie, which no script can read.
    return { type: "hello", protocol: PROTOCOL, token: null, epoch, last_seq, have: [] };
  }

  private heard(socket: WebSocket, data: string | ArrayBuffer): void {
    if (this.socket !== socket) return;
    this.heard_s = now_s();
    if (!this.isHeard) {
      this.isHeard = true;
      this.events.live(false);
    }
    if (typeof data === "string") this.receive(socket, data);
    else for (const record of decodeRecords(data)) this.take(socket, record);
  }

  private take(socket: WebSocket, record: Received): void {
    const time_s = now_s();
    switch (record.kind) {
      case "pose":
        this.events.pose(record);
        break;
      case "reading":
        this.events.reading(record);
        break;
      case "ask":
        socket.send(encodeAnswer({ kind: "answer", sent_s: record.sent_s, received_s: time_s, answered_s: time_s }));
        break;
      case "answer":
        this.exchanges = learned(this.exchanges, { ...record, returned_s: time_s });
        break;
      case "blob":
        holdBlob(record.sha256, record.data);
        break;
      case "beat":
        // The number of the last op that was sent here: one that has not come was lost on the way.
        if (record.seq > (this.lastSeq ?? 0)) this.startOver(socket);
    }
  }

  private receive(socket: WebSocket, text: string): void {
    const message = JSON.parse(text) as ServerMessage;
    if (message.type === "snapshot") this.epoch = message.epoch;
    if (message.type === "snapshot") this.lastSeq = message.seq;
    if (message.type === "op") {
      // A hole in the numbers: start over from a snapshot rather than draw half a truth.
      if (this.lastSeq !== null && message.seq !== this.lastSeq + 1) {
        this.startOver(socket);
        return;
      }
      this.lastSeq = message.seq;
    }
    this.events.message(message);
  }

  private startOver(socket: WebSocket): void {
    this.lastSeq = this.epoch = null;
    socket.close();
  }

  private watch(): void {
    const { socket } = this;
    if (socket?.readyState !== WebSocket.OPEN) return;
    const silence_s = this.silence_s();
    if (silence_s > GIVE_UP_AFTER_S) {
      this.closed(socket, 0);
      socket.close();
    } else if (silence_s > SILENT_AFTER_S && this.isHeard) {
      this.isHeard = false;
      this.events.lost(this.heard_s);
    }
    if (this.isHeard && now_s() - this.asked_s >= ASK_EVERY_S) {
      this.asked_s = now_s();
      socket.send(encodeAsk(this.asked_s));
    }
  }

  private closed(socket: WebSocket, code: number): void {
    if (this.socket !== socket) return;
    this.socket = null;
    this.isHeard = false;
    this.events.lost(this.heard_s);
    // Refused, not lost: asking again would not help.
    if (code >= FIRST_REFUSAL_CODE) return;
    this.timer = window.setTimeout(() => this.open(), backOff_ms(this.attempt, Math.random()));
    this.attempt += 1;
  }
}

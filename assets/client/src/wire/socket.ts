// The ops lane: hello, snapshot, numbered changes; lost connections come back by themselves.

import { PROTOCOL, type ClientMessage, type Hello, type ServerMessage } from "./messages";

export interface SocketEvents {
  message(message: ServerMessage): void;
  live(): void;
  lost(): void;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8000;
/** Close codes from here on are the server's own refusals (not understood, not allowed, wrong protocol). */
const FIRST_REFUSAL_CODE = 4400;

/** How long to wait before attempt `n` (from 0), `chance` in 0..1: doubling, jittered so that peers spread out. */
export function backOff_ms(attempt: number, chance: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (0.5 + chance / 2);
}

export class Socket {
  private epoch: string | null = null;
  private lastSeq: number | null = null;
  private attempt = 0;
  private timer: number | undefined;
  private socket: WebSocket | null = null;

  constructor(
    private readonly url: string,
    private readonly token: string | null,
    private readonly events: SocketEvents,
  ) {
    this.open();
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

  private open(): void {
    const socket = new WebSocket(this.url, PROTOCOL);
    this.socket = socket;
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify(this.hello()));
      // A peer that missed nothing is told nothing: open is as live as it gets.
      this.attempt = 0;
      this.events.live();
    });
    socket.addEventListener("message", (event: MessageEvent<string>) => this.receive(socket, event.data));
    socket.addEventListener("close", (event) => this.closed(socket, event.code));
  }

  private hello(): Hello {
    const { epoch, lastSeq: last_seq } = this;
    return { type: "hello", protocol: PROTOCOL, token: this.token, epoch, last_seq, have: [] };
  }

  private receive(socket: WebSocket, text: string): void {
    const message = JSON.parse(text) as ServerMessage;
    if (message.type === "snapshot") this.epoch = message.epoch;
    if (message.type === "snapshot") this.lastSeq = message.seq;
    if (message.type === "op") {
      // A hole in the numbers: start over from a snapshot rather than draw half a truth.
      if (this.lastSeq !== null && message.seq !== this.lastSeq + 1) {
        this.lastSeq = this.epoch = null;
        socket.close();
        return;
      }
      this.lastSeq = message.seq;
    }
    this.events.message(message);
  }

  private closed(socket: WebSocket, code: number): void {
    if (this.socket !== socket) return;
    this.socket = null;
    this.events.lost();
    // Refused, not lost: asking again would not help.
    if (code >= FIRST_REFUSAL_CODE) return;
    this.timer = window.setTimeout(() => this.open(), backOff_ms(this.attempt, Math.random()));
    this.attempt += 1;
  }
}

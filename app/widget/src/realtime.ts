/** A client of the Pusher protocol, version 7, with what the widget needs of it: public channels, and staying connected. */

import { fields, parsed, text } from "./json";

export type Listener = (event: string, data: unknown) => void;

interface Subscription {
  readonly listener: Listener;
  readonly confirm: () => void;
}

const PONG_PATIENCE = 10_000;
const LONGEST_PAUSE = 30_000;
/** Longer than a browser needs for a connection, so that a silent network does not hold up the next attempt. */
const GREETING_PATIENCE = 15_000;

export class Realtime {
  readonly #address: string;
  readonly #subscriptions = new Map<string, Subscription>();
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #activity = 120_000;
  #established = false;
  #failures = 0;

  constructor(address: string) {
    this.#address = address;
  }

  /** Connect, unless that is done already, and stay connected until `close`. */
  open(): void {
    if (this.#socket || this.#timer) return;
    this.#connect();
  }

  /** End the connection and forget the subscriptions. */
  close(): void {
    this.#subscriptions.clear();
    this.#failures = 0;
    this.#drop();
  }

  /** Hear a channel, again after every reconnection; resolves when the server confirms it for the first time. */
  subscribe(channel: string, listener: Listener): Promise<void> {
    return new Promise((confirm) => {
      this.#subscriptions.set(channel, { listener, confirm });
      if (this.#established) this.#send("pusher:subscribe", { channel });
    });
  }

  /** Hear a channel no more. */
  unsubscribe(channel: string): void {
    if (this.#subscriptions.delete(channel) && this.#established) this.#send("pusher:unsubscribe", { channel });
  }

  #connect(): void {
    this.#drop();
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.#address);
    } catch {
      this.#again(0); // The page forbids it. It may be served anew with another policy, but hardly soon.
      return;
    }
    this.#socket = socket;
    this.#wait(GREETING_PATIENCE, () => {
      this.#again(0);
    });
    socket.onmessage = (message) => {
      if (socket === this.#socket) this.#receive(message.data);
    };
    socket.onclose = (closed) => {
      if (socket === this.#socket) this.#again(closed.code);
    };
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const socket = this.#socket;
    this.#socket = null;
    this.#established = false;
    socket?.close();
  }

  /** The connection is lost: what its code says decides whether and when there is another one. */
  #again(code: number): void {
    const greeted = this.#established;
    this.#drop();
    if (code >= 4000 && code < 4100) return; // This server will never take us.
    const atOnce = code >= 4200 && code < 4300 && greeted;
    const pause = atOnce ? 0 : Math.min(LONGEST_PAUSE, 1000 * 2 ** this.#failures) * (0.5 + Math.random() / 2);
    this.#failures += atOnce ? 0 : 1;
    this.#wait(pause, () => {
      this.#connect();
    });
  }

  #receive(source: unknown): void {
    const message = parsed(source);
    if (typeof message?.event !== "string") return;
    const data = typeof message.data === "string" ? parsed(message.data) : message.data;
    if (message.event === "pusher:connection_established") this.#greeted(data);
    if (this.#established) this.#watch();
    if (message.event === "pusher:ping") this.#send("pusher:pong", {});
    const subscription = typeof message.channel === "string" ? this.#subscriptions.get(message.channel) : undefined;
    if (message.event === "pusher_internal:subscription_succeeded") subscription?.confirm();
    else subscription?.listener(message.event, data);
  }

  #greeted(data: unknown): void {
    const seconds = Number(fields(data ?? {}).activity_timeout);
    if (seconds > 0) this.#activity = seconds * 1000;
    this.#established = true;
    this.#failures = 0;
    for (const channel of this.#subscriptions.keys()) this.#send("pusher:subscribe", { channel });
  }

  /** Ask a silent server whether it is there, and take silence for an answer: a lost network closes no connection. */
  #watch(): void {
    this.#wait(this.#activity, () => {
      this.#send("pusher:ping", {});
      this.#wait(PONG_PATIENCE, () => {
        this.#again(0);
      });
    });
  }

  #wait(milliseconds: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, milliseconds);
  }

  #send(event: string, data: Record<string, string>): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ event, data }));
  }
}

/** The text of an event's data; empty when it has none. */
export function textOf(data: unknown): string {
  try {
    return text(fields(data), "text");
  } catch {
    return "";
  }
}

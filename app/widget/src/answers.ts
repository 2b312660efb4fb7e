/** Asking: the answer comes in parts over the realtime server, and whole as the response, whichever is there first. */

import type { Config } from "./config";
import { type Fields, fields, text } from "./json";
import { type Realtime, textOf } from "./realtime";

export interface Link {
  readonly title: string;
  readonly url: string;
}

export interface Answer {
  readonly text: string;
  readonly links: readonly Link[];
}

/** A refusal that the visitor can do something about. */
export class Refused extends Error {}

const SUBSCRIPTION_PATIENCE = 1_500;
const ANSWER_PATIENCE = 60_000;
/** How long a stream may pause before the response, which is there already, is shown instead. */
const STREAM_PATIENCE = 1_500;

/** Ask a question. `show` is called with all of the answer so far whenever more of it has come. */
export async function ask(
  config: Config,
  realtime: Realtime,
  question: string,
  show: (soFar: string) => void,
): Promise<Answer> {
  const channel = `answers-${random()}`;
  const stream = { heard: 0, text: "" };
  let finish: (answer: Answer) => void;
  const finished = new Promise<Answer>((resolve) => (finish = resolve));
  const subscribed = realtime.subscribe(channel, (event, data) => {
    if (!event.startsWith("answer.")) return;
    stream.heard = Date.now();
    if (event === "answer.part") show((stream.text += textOf(data)));
    if (event === "answer.finished") finish({ text: textOf(data) || stream.text, links: links(data) });
  });
  try {
    await Promise.race([subscribed, pause(SUBSCRIPTION_PATIENCE)]);
    const response = posted(config, question, channel).finally(() => quiet(stream));
    return await Promise.race([finished, response]);
  } finally {
    realtime.unsubscribe(channel);
  }
}

async function posted(config: Config, question: string, channel: string): Promise<Answer> {
  const response = await fetch(config.answers, {
    method: "POST",
    credentials: "omit",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ question, channel }),
    signal: AbortSignal.timeout(ANSWER_PATIENCE),
  });
  if (response.status === 429) throw new Refused("Those were many questions at once. Please wait a moment, then ask again.");
  if (!response.ok) throw new Error(`answers: ${String(response.status)}`);
  const body = fields(await response.json());
  return { text: text(body, "answer"), links: links(body) };
}

/** Wait while parts are still coming. */
async function quiet(stream: { heard: number }): Promise<void> {
  while (Date.now() - stream.heard < STREAM_PATIENCE) await pause(100);
}

/** The links of an answer that lead to a web page; anything else in there is left out. */
function links(data: unknown): Link[] {
  const found: unknown = (data as Fields | null)?.links;
  return (Array.isArray(found) ? found : []).flatMap((entry: unknown) => {
    try {
      const link = fields(entry);
      const url = new URL(text(link, "url"));
      const title = typeof link.title === "string" && link.title.trim() ? link.title : url.host + url.pathname;
      return /^https?:$/.test(url.protocol) ? [{ title, url: url.href }] : [];
    } catch {
      return [];
    }
  });
}

/** A name that nobody guesses: who knows it can read the answer. */
function random(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

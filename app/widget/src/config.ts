/** Where Pitchbar is, as `config.json` beside the script says. */

import { fields, text } from "./json";

export interface Config {
  /** The address that takes questions. */
  readonly answers: string;
  /** The address of the realtime server's WebSocket. */
  readonly socket: string;
}

const PATIENCE = 10_000;

/** Read the configuration that lies beside the script of this address. */
export async function load(script: string): Promise<Config> {
  const response = await fetch(new URL("config.json", script), {
    credentials: "omit",
    signal: AbortSignal.timeout(PATIENCE),
  });
  if (!response.ok) throw new Error(`config.json: ${String(response.status)}`);
  const found = fields(await response.json());
  const realtime = fields(found.realtime);
  const key = encodeURIComponent(text(realtime, "key"));
  return {
    answers: text(found, "answers"),
    socket: `${text(realtime, "url")}/app/${key}?protocol=7&client=pitchbar-widget&version=1`,
  };
}

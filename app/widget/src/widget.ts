/** The widget. A page has it with one line: `<script src="https://…/widget/widget.js" async></script>`. */

import { ask, Refused } from "./answers";
import { type Config, load } from "./config";
import { Panel, type Reply } from "./panel";
import { Realtime } from "./realtime";

interface Connection {
  readonly config: Config;
  readonly realtime: Realtime;
}

const UNREACHABLE = "Pitchbar can't be reached just now. Please try again in a moment.";

function start(script: string): void {
  let connection: Promise<Connection> | undefined;
  let open = false;
  let pending = 0;

  /** Connect with the first opening, not with every page view. */
  function connect(): Promise<Connection> {
    connection ??= load(script).then((config) => ({ config, realtime: new Realtime(config.socket) }));
    connection.then(
      ({ realtime }) => {
        if (open || pending) realtime.open();
      },
      () => (connection = undefined),
    );
    return connection;
  }

  function rest(): void {
    if (open || pending) return;
    connection?.then(
      ({ realtime }) => {
        if (!open && !pending) realtime.close();
      },
      () => undefined,
    );
  }

  async function answer(question: string, reply: Reply): Promise<void> {
    pending += 1;
    try {
      const { config, realtime } = await connect();
      const given = await ask(config, realtime, question, (soFar) => {
        reply.show(soFar);
      });
      reply.finish(given.text, given.links);
    } catch (error) {
      reply.fail(error instanceof Refused ? error.message : UNREACHABLE);
    } finally {
      pending -= 1;
      rest();
    }
  }

  const panel = new Panel({
    open: () => {
      open = true;
      void connect();
    },
    close: () => {
      open = false;
      rest();
    },
    ask: answer,
  });
  const show = (): void => {
    document.body.append(panel.host);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", show);
  else show();
}

const script = document.currentScript;
if (script instanceof HTMLScriptElement && !window.pitchbarWidget) {
  window.pitchbarWidget = true;
  start(script.src);
}

declare global {
  interface Window {
    /** Whether the page has the widget: a second script tag adds no second one. */
    pitchbarWidget?: boolean;
  }
}

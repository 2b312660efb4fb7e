/** What a visitor sees: a button in the corner, and the panel that it opens. */

import type { Link } from "./answers";
import { keepFocus, make } from "./dom";
import { style } from "./style";

/** An answer that is being given. */
export interface Reply {
  /** Show what there is of it. */
  show(soFar: string): void;
  /** Show all of it with its links. */
  finish(text: string, links: readonly Link[]): void;
  /** Say why there is none. */
  fail(reason: string): void;
}

export interface Handlers {
  open(): void;
  close(): void;
  ask(question: string, reply: Reply): Promise<void>;
}

const LONGEST_QUESTION = "500";

export class Panel {
  readonly host = document.createElement("pitchbar-widget");
  readonly #handlers: Handlers;
  readonly #root = this.host.attachShadow({ mode: "open" });
  readonly #launcher = make("button", { type: "button", class: "launcher", "aria-haspopup": "dialog" }, "Ask a question");
  readonly #close = make("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
  readonly #log = make("div", { class: "log", role: "log", "aria-label": "Questions and answers", tabindex: "0" });
  readonly #input = make("textarea", {
    id: "question",
    rows: "1",
    maxlength: LONGEST_QUESTION,
    enterkeyhint: "send",
    placeholder: "Your question",
  });
  readonly #send = make("button", { type: "submit", class: "send" }, "Send");
  readonly #form = make("form", {}, make("label", { class: "unseen", for: "question" }, "Your question"));
  readonly #dialog = make("div", { class: "panel", role: "dialog", "aria-modal": "true", "aria-labelledby": "title" });
  #busy = false;

  constructor(handlers: Handlers) {
    this.#handlers = handlers;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    this.#root.adoptedStyleSheets = [sheet];
    this.#log.append(make("p", { class: "hint" }, "Ask anything about this site."));
    this.#form.append(this.#input, this.#send);
    const header = make("header", {}, make("h2", { id: "title" }, "Ask a question"), this.#close);
    this.#dialog.append(header, this.#log, this.#form);
    this.#dialog.hidden = true;
    this.#root.append(this.#launcher, this.#dialog);
    this.#listen();
  }

  #listen(): void {
    this.#launcher.addEventListener("click", () => {
      this.#toggle(true);
    });
    this.#close.addEventListener("click", () => {
      this.#toggle(false);
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#dialog.addEventListener("keydown", (event) => {
      this.#press(event);
    });
    for (const kind of ["keydown", "keypress", "keyup"]) {
      // A page's own keys must not act while somebody is typing here.
      this.host.addEventListener(kind, (event) => {
        event.stopPropagation();
      });
    }
  }

  #toggle(open: boolean): void {
    this.#dialog.hidden = !open;
    this.#launcher.hidden = open;
    (open ? this.#input : this.#launcher).focus();
    if (open) this.#handlers.open();
    else this.#handlers.close();
  }

  #press(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Escape") this.#toggle(false);
    if (event.key === "Tab") keepFocus(event, this.#dialog, this.#root.activeElement);
    if (event.key === "Enter" && !event.shiftKey && event.target === this.#input) {
      event.preventDefault();
      this.#form.requestSubmit();
    }
  }

  async #submit(): Promise<void> {
    const question = this.#input.value.trim();
    if (!question || this.#busy) return;
    this.#setBusy(true);
    this.#input.value = "";
    this.#add(make("p", { class: "question" }, make("span", { class: "unseen" }, "You asked: "), question));
    const answer = this.#add(make("p", { class: "answer busy", "aria-busy": "true" }));
    try {
      await this.#handlers.ask(question, this.#reply(answer));
    } finally {
      this.#setBusy(false);
    }
  }

  #reply(answer: HTMLElement): Reply {
    const say = (text: string, kind: string, busy = false): void => {
      answer.textContent = text;
      answer.className = kind;
      answer.setAttribute("aria-busy", String(busy));
      this.#scroll();
    };
    return {
      show: (soFar) => {
        say(soFar, "answer busy", true);
      },
      finish: (text, links) => {
        say(text, "answer");
        if (links.length) this.#add(make("ul", { "aria-label": "Pages" }, ...links.map(listed)));
      },
      fail: (reason) => {
        say(reason, "problem");
      },
    };
  }

  #add<Kind extends HTMLElement>(element: Kind): Kind {
    this.#log.append(element);
    this.#scroll();
    return element;
  }

  #scroll(): void {
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** The button keeps the focus that it may have, so it is marked instead of disabled. */
  #setBusy(busy: boolean): void {
    this.#busy = busy;
    this.#send.setAttribute("aria-disabled", String(busy));
  }
}

function listed(link: Link): HTMLLIElement {
  return make("li", {}, make("a", { href: link.url, target: "_blank", rel: "noopener" }, link.title));
}

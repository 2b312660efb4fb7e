function (config) {
  "use strict";
  if (document.querySelector("pitchbar-widget")) return;

  const style = new CSSStyleSheet();
  style.replaceSync(`
    :host { position: fixed; right: 1rem; bottom: 1rem; z-index: 2147483000; font: 1rem/1.5 system-ui, sans-serif; }
    button { padding: 0.6rem 1.2rem; border: 0; border-radius: 2rem; background: #1f4fd8; color: #fff; font: inherit; cursor: pointer; }
    button:focus-visible { outline: 3px solid #f5a623; outline-offset: 2px; }
    p { position: absolute; right: 0; bottom: 100%; width: max-content; max-width: 16rem; margin: 0 0 0.5rem;
        padding: 0.6rem 1rem; border: 1px solid #d0d7de; border-radius: 0.75rem; background: #fff; color: #1b1f24; }
    p[hidden] { display: none; }
    @media (prefers-color-scheme: dark) { p { border-color: #30363d; background: #161b22; color: #e6edf3; } }
  `);

  const host = document.createElement("pitchbar-widget");
  const root = host.attachShadow({ mode: "closed" });
  root.adoptedStyleSheets = [style];
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Ask Pitchbar";
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", "status");
  const status = document.createElement("p");
  status.id = "status";
  status.hidden = true;
  status.setAttribute("role", "status");
  root.append(status, button);

  let socket = null;

  function say(text) {
    status.textContent = text;
  }

  function connect() {
    say("Connecting …");
    const current = (socket = new WebSocket(config.socket));
    current.addEventListener("message", (message) => {
      const event = JSON.parse(message.data).event;
      if (event === "pusher:connection_established") say("Pitchbar is reachable.");
      if (event === "pusher:ping") current.send(JSON.stringify({ event: "pusher:pong", data: {} }));
    });
    current.addEventListener("close", () => {
      if (socket !== current) return;
      say("Pitchbar is not reachable; trying again …");
      setTimeout(() => socket === current && connect(), 1000 + Math.random() * 2000);
    });
  }

  function disconnect() {
    const current = socket;
    socket = null;
    if (current) current.close();
  }

  function toggle(open) {
    status.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (open) connect();
    else disconnect();
  }

  button.addEventListener("click", () => toggle(status.hidden));
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !status.hidden) toggle(false);
  });

  if (document.body) document.body.append(host);
  else document.addEventListener("DOMContentLoaded", () => document.body.append(host));
}

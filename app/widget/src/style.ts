/** How the widget looks. A constructed style sheet is not subject to a page's `style-src`, and the page's own styles stay
 * outside. Lengths are in pixels, because a page may have any size for `rem`. */

export const style = `
:host {
  all: initial;
  color-scheme: light dark;
  --accent: #1f4fd8; --on-accent: #fff; --paper: #fff; --ink: #1b1f24; --quiet: #57606a; --line: #d0d7de;
  --tint: #eef2ff; --link: #1a44bd; --ring: #b35900;
  position: fixed; z-index: 2147483000;
  right: max(16px, env(safe-area-inset-right)); bottom: max(16px, env(safe-area-inset-bottom));
  font: 16px/1.5 system-ui, sans-serif; color: var(--ink);
}
@media (prefers-color-scheme: dark) {
  :host {
    --accent: #7aa2ff; --on-accent: #0b1020; --paper: #161b22; --ink: #e6edf3; --quiet: #9da7b3; --line: #30363d;
    --tint: #1f2937; --link: #9dbaff; --ring: #ffb454;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
button, textarea { font: inherit; color: inherit; }
button { border: 0; cursor: pointer; }
:focus-visible { outline: 3px solid var(--ring); outline-offset: 2px; }
.launcher, .send { border-radius: 24px; background: var(--accent); color: var(--on-accent); font-weight: 600; }
.launcher { padding: 12px 20px; box-shadow: 0 4px 16px #0004; }
.panel {
  display: flex; flex-direction: column; width: min(380px, 100vw - 32px); height: min(560px, 100vh - 32px);
  height: min(560px, 100dvh - 32px); overflow: hidden; border: 1px solid var(--line); border-radius: 16px;
  background: var(--paper); box-shadow: 0 12px 40px #0005;
}
header { display: flex; align-items: center; justify-content: space-between; padding: 12px 12px 12px 20px;
  border-bottom: 1px solid var(--line); }
h2 { margin: 0; font-size: 17px; }
.close { width: 36px; height: 36px; border-radius: 50%; background: transparent; font-size: 22px; line-height: 1; }
.log { flex: 1; margin: 0; padding: 16px 20px; overflow-y: auto; overscroll-behavior: contain; }
.log:focus-visible { outline-offset: -3px; }
.log > * { margin: 0 0 12px; overflow-wrap: anywhere; white-space: pre-wrap; }
.hint, .busy:empty { color: var(--quiet); }
.question { margin-left: 40px; padding: 8px 14px; border-radius: 14px 14px 4px 14px; background: var(--tint); }
.busy:empty::after { content: "\\2026"; }
.problem { padding-left: 12px; border-left: 3px solid var(--ring); }
ul { padding: 0; list-style: none; }
a { color: var(--link); }
form { display: flex; gap: 8px; align-items: flex-end; padding: 12px; border-top: 1px solid var(--line); }
textarea { flex: 1; min-width: 0; resize: none; padding: 9px 14px; border: 1px solid var(--quiet); border-radius: 14px;
  background: var(--paper); }
textarea::placeholder { color: var(--quiet); opacity: 1; }
.send { padding: 10px 18px; }
.send[aria-disabled="true"] { opacity: 0.6; cursor: default; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: no-preference) {
  .panel { animation: rise 0.16s ease-out; }
  @keyframes rise { from { opacity: 0; transform: translateY(12px); } }
}
@media (forced-colors: active) { button { border: 1px solid; } }
@media print { :host { display: none; } }
`;

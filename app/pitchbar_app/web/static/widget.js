(()=>{function l(i){if(typeof i!="object"||i===null)throw new TypeError("not an object");return i}function d(i,e){let t=i[e];if(typeof t!="string")throw new TypeError(`${e} is not text`);return t}function b(i){try{return l(JSON.parse(String(i)))}catch{return null}}var C=1e4,R=3e4,_=15e3,m=class{#o;#i=new Map;#e=null;#s;#r=12e4;#t=!1;#a=0;constructor(e){this.#o=e}open(){this.#e||this.#s||this.#l()}close(){this.#i.clear(),this.#a=0,this.#n()}subscribe(e,t){return new Promise(n=>{this.#i.set(e,{listener:t,confirm:n}),this.#t&&this.#c("pusher:subscribe",{channel:e})})}unsubscribe(e){this.#i.delete(e)&&this.#t&&this.#c("pusher:unsubscribe",{channel:e})}#l(){this.#n();let e;try{e=new WebSocket(this.#o)}catch{this.#d(0);return}this.#e=e,this.#p(_,()=>{this.#d(0)}),e.onmessage=t=>{e===this.#e&&this.#u(t.data)},e.onclose=t=>{e===this.#e&&this.#d(t.code)}}#n(){clearTimeout(this.#s),this.#s=void 0;let e=this.#e;this.#e=null,this.#t=!1,e?.close()}#d(e){let t=this.#t;if(this.#n(),e>=4e3&&e<4100)return;let n=e>=4200&&e<4300&&t,s=n?0:Math.min(R,1e3*2**this.#a)*(.5+Math.random()/2);this.#a+=n?0:1,this.#p(s,()=>{this.#l()})}#u(e){let t=b(e);if(typeof t?.event!="string")return;let n=typeof t.data=="string"?b(t.data):t.data;t.event==="pusher:connection_established"&&this.#h(n),this.#t&&this.#f(),t.event==="pusher:ping"&&this.#c("pusher:pong",{});let s=typeof t.channel=="string"?this.#i.get(t.channel):void 0;t.event==="pusher_internal:subscription_succeeded"?s?.confirm():s?.listener(t.event,n)}#h(e){let t=Number(l(e??{}).activity_timeout);t>0&&(this.#r=t*1e3),this.#t=!0,this.#a=0;for(let n of this.#i.keys())this.#c("pusher:subscribe",{channel:n})}#f(){this.#p(this.#r,()=>{this.#c("pusher:ping",{}),this.#p(C,()=>{this.#d(0)})})}#p(e,t){clearTimeout(this.#s),this.#s=setTimeout(t,e)}#c(e,t){this.#e?.readyState===WebSocket.OPEN&&this.#e.send(JSON.stringify({event:e,data:t}))}};function x(i){try{return d(l(i),"text")}catch{return""}}var p=class extends Error{},q=1500,M=6e4,O=1500;async function v(i,e,t,n){let s=`answers-${j()}`,o={heard:0,text:""},h,y=new Promise(a=>h=a),u=e.subscribe(s,(a,c)=>{a.startsWith("answer.")&&(o.heard=Date.now(),a==="answer.part"&&n(o.text+=x(c)),a==="answer.finished"&&h({text:x(c)||o.text,links:k(c)}))});try{await Promise.race([u,E(q)]);let a=H(i,t,s).finally(()=>I(o));return await Promise.race([y,a])}finally{e.unsubscribe(s)}}async function H(i,e,t){let n=await fetch(i.answers,{method:"POST",credentials:"omit",headers:{"content-type":"application/json"},body:JSON.stringify({question:e,channel:t}),signal:AbortSignal.timeout(M)});if(n.status===429)throw new p("Those were many questions at once. Please wait a moment, then ask again.");if(!n.ok)throw new Error(`answers: ${String(n.status)}`);let s=l(await n.json());return{text:d(s,"answer"),links:k(s)}}async function I(i){for(;Date.now()-i.heard<O;)await E(100)}function k(i){let e=i?.links;return(Array.isArray(e)?e:[]).flatMap(t=>{try{let n=l(t),s=new URL(d(n,"url")),o=typeof n.title=="string"&&n.title.trim()?n.title:s.host+s.pathname;return/^https?:$/.test(s.protocol)?[{title:o,url:s.href}]:[]}catch{return[]}})}function j(){let i=crypto.getRandomValues(new Uint8Array(16));return Array.from(i,e=>e.toString(16).padStart(2,"0")).join("")}function E(i){return new Promise(e=>setTimeout(e,i))}var F=1e4;async function S(i){let e=await fetch(new URL("config.json",i),{credentials:"omit",signal:AbortSignal.timeout(F)});if(!e.ok)throw new Error(`config.json: ${String(e.status)}`);let t=l(await e.json()),n=l(t.realtime),s=encodeURIComponent(d(n,"key"));return{answers:d(t,"answers"),socket:`${d(n,"url")}/app/${s}?protocol=7&client=pitchbar-widget&version=1`}}function r(i,e={},...t){let n=document.createElement(i);for(let[s,o]of Object.entries(e))n.setAttribute(s,o);return n.append(...t),n}function T(i,e,t){let n=[...e.querySelectorAll("button, a[href], textarea, [tabindex='0']")],[s,o]=[n[0],n.at(-1)];t===(i.shiftKey?s:o)&&(i.preventDefault(),(i.shiftKey?o:s)?.focus())}var P=`
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
`;var W="500",g=class{host=document.createElement("pitchbar-widget");#o;#i=this.host.attachShadow({mode:"open"});#e=r("button",{type:"button",class:"launcher","aria-haspopup":"dialog"},"Ask a question");#s=r("button",{type:"button",class:"close","aria-label":"Close"},"×");#r=r("div",{class:"log",role:"log","aria-label":"Questions and answers",tabindex:"0"});#t=r("textarea",{id:"question",rows:"1",maxlength:W,enterkeyhint:"send",placeholder:"Your question"});#a=r("button",{type:"submit",class:"send"},"Send");#l=r("form",{},r("label",{class:"unseen",for:"question"},"Your question"));#n=r("div",{class:"panel",role:"dialog","aria-modal":"true","aria-labelledby":"title"});#d=!1;constructor(e){this.#o=e;let t=new CSSStyleSheet;t.replaceSync(P),this.#i.adoptedStyleSheets=[t],this.#r.append(r("p",{class:"hint"},"Ask anything about this site.")),this.#l.append(this.#t,this.#a);let n=r("header",{},r("h2",{id:"title"},"Ask a question"),this.#s);this.#n.append(n,this.#r,this.#l),this.#n.hidden=!0,this.#i.append(this.#e,this.#n),this.#u()}#u(){this.#e.addEventListener("click",()=>{this.#h(!0)}),this.#s.addEventListener("click",()=>{this.#h(!1)}),this.#l.addEventListener("submit",e=>{e.preventDefault(),this.#p()}),this.#n.addEventListener("keydown",e=>{this.#f(e)});for(let e of["keydown","keypress","keyup"])this.host.addEventListener(e,t=>{t.stopPropagation()})}#h(e){this.#n.hidden=!e,this.#e.hidden=e,(e?this.#t:this.#e).focus(),e?this.#o.open():this.#o.close()}#f(e){e.isComposing||(e.key==="Escape"&&this.#h(!1),e.key==="Tab"&&T(e,this.#n,this.#i.activeElement),e.key==="Enter"&&!e.shiftKey&&e.target===this.#t&&(e.preventDefault(),this.#l.requestSubmit()))}async#p(){let e=this.#t.value.trim();if(!e||this.#d)return;this.#y(!0),this.#t.value="",this.#m(r("p",{class:"question"},r("span",{class:"unseen"},"You asked: "),e));let t=this.#m(r("p",{class:"answer busy","aria-busy":"true"}));try{await this.#o.ask(e,this.#c(t))}finally{this.#y(!1)}}#c(e){let t=(n,s,o=!1)=>{e.textContent=n,e.className=s,e.setAttribute("aria-busy",String(o)),this.#g()};return{show:n=>{t(n,"answer busy",!0)},finish:(n,s)=>{t(n,"answer"),s.length&&this.#m(r("ul",{"aria-label":"Pages"},...s.map(K)))},fail:n=>{t(n,"problem")}}}#m(e){return this.#r.append(e),this.#g(),e}#g(){this.#r.scrollTop=this.#r.scrollHeight}#y(e){this.#d=e,this.#a.setAttribute("aria-disabled",String(e))}};function K(i){return r("li",{},r("a",{href:i.url,target:"_blank",rel:"noopener"},i.title))}var U="Pitchbar can't be reached just now. Please try again in a moment.";function $(i){let e,t=!1,n=0;function s(){return e??=S(i).then(a=>({config:a,realtime:new m(a.socket)})),e.then(({realtime:a})=>{(t||n)&&a.open()},()=>e=void 0),e}function o(){t||n||e?.then(({realtime:a})=>{!t&&!n&&a.close()},()=>{})}async function h(a,c){n+=1;try{let{config:f,realtime:A}=await s(),w=await v(f,A,a,N=>{c.show(N)});c.finish(w.text,w.links)}catch(f){c.fail(f instanceof p?f.message:U)}finally{n-=1,o()}}let y=new g({open:()=>{t=!0,s()},close:()=>{t=!1,o()},ask:h}),u=()=>{document.body.append(y.host)};document.readyState==="loading"?document.addEventListener("DOMContentLoaded",u):u()}var L=document.currentScript;L instanceof HTMLScriptElement&&!window.pitchbarWidget&&(window.pitchbarWidget=!0,$(L.src));})();

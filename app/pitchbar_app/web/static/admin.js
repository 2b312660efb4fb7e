"use strict";
// Keeps the list of sources fresh while one of them is being read. The page does everything without this script.
const pause = 2000;

async function refresh() {
  const list = document.getElementById("list");
  if (!list || list.dataset.busy !== "yes") return;
  if (!document.hidden && !list.contains(document.activeElement)) {
    try {
      const response = await fetch("/admin", { headers: { accept: "text/html" }, redirect: "error" });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = page.getElementById("list");
      if (!fresh) return;
      list.replaceWith(fresh);
    } catch {
      // The next turn tries again.
    }
  }
  setTimeout(refresh, pause);
}

setTimeout(refresh, pause);

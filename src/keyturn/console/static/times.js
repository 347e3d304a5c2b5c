// Countdowns and "3 min ago", by the server's clock: the page says what time it was there when it was made.
"use strict";
(() => {
  const meta = document.querySelector('meta[name="now"]');
  let ahead = meta ? Number(meta.content) - Date.now() : 0;
  const SOON = 5 * 60 * 1000;

  function span(ms) {
    const s = Math.max(0, Math.floor(ms / 1000)), m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
    if (d) return h % 24 ? `${d} d ${h % 24} h` : `${d} d`;
    if (h) return m % 60 ? `${h} h ${String(m % 60).padStart(2, "0")} min` : `${h} h`;
    if (m >= 10) return `${m} min`;
    return m ? `${m} min ${String(s % 60).padStart(2, "0")} s` : `${s} s`;
  }

  function set(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function tick() {
    const now = Date.now() + ahead;
    for (const element of document.querySelectorAll("[data-due]")) {
      const left = Number(element.dataset.due) - now;
      set(element, left > 0 ? span(left) : "over");
      element.classList.toggle("soon", left > 0 && left <= SOON);
      element.classList.toggle("over", left <= 0);
      if (left <= 0 && !element.dataset.told) {
        element.dataset.told = "1";
        element.dispatchEvent(new CustomEvent("keyturn:over", { bubbles: true }));
      }
    }
    for (const element of document.querySelectorAll("[data-at]")) {
      const since = now - Number(element.dataset.at);
      set(element, since < 1000 ? "just now" : `${span(since)} ago`);
    }
  }

  function local(root) {
    for (const element of root.querySelectorAll("time[datetime]:not([data-local])")) {
      element.dataset.local = "1";
      const here = new Date(element.dateTime);
      if (!Number.isNaN(here.getTime())) {
        element.title = `${element.title} · ${here.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" })} here`;
      }
    }
  }

  document.addEventListener("keyturn:changed", () => { local(document); tick(); });
  document.addEventListener("htmx:afterSettle", () => { local(document); tick(); });
  local(document);
  tick();
  setInterval(tick, 1000);
})();

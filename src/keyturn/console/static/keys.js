// The keyboard, and what pages share: dialogs, forms that ask once more, forms that are sent once.
"use strict";
(() => {
  const typing = (element) => element.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent);

  function move(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step))];
    const link = next.querySelector("[data-main]");
    link.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  function here() {
    const row = document.activeElement && document.activeElement.closest("[data-row]");
    return row || null;
  }

  const deeds = {
    j: () => move(1),
    k: () => move(-1),
    x: () => { const box = here()?.querySelector("input[type=checkbox]"); if (box && !box.disabled) box.click(); },
    r: () => {
      const row = here();
      if (row && row.dataset.refuse) location.assign(row.dataset.refuse);
      else document.querySelector("[data-key=r]")?.click();
    },
    t: () => document.querySelector("[data-key=t]")?.focus(),
    n: () => document.querySelector("[data-key=n]")?.click(),
    u: () => location.assign("/console/"),
    "/": () => document.querySelector("[data-key='/']")?.focus(),
    "?": () => document.getElementById("keys-help")?.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const deed = deeds[event.key];
    if (!deed) return;
    event.preventDefault();
    deed();
  });

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
    const opener = event.target.closest("[data-open]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.open);
      dialog.showModal();
      dialog.querySelector("textarea, input:not([type=hidden])")?.focus();
    }
    const closer = event.target.closest("[data-close]");
    if (closer) closer.closest("dialog").close();
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method === "get" || form.method === "dialog") return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 8000);
  });
})();

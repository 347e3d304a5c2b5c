// The action page follows its action: where it stands, and what this person can still do.
"use strict";
(() => {
  const page = document.getElementById("action");
  if (!page) return;
  const id = page.dataset.id;
  let stale = false;

  function decide() {
    if (page.querySelector("form[data-busy]") || page.querySelector("dialog[open]")) { stale = true; return; }
    stale = false;
    htmx.ajax("GET", `/console/actions/${id}/decide?whole=${page.dataset.whole}`, { target: "#decision", swap: "innerHTML" });
  }

  document.addEventListener("keyturn:action", (event) => {
    if (event.detail.id !== id) return;
    document.getElementById("standing").innerHTML = event.detail.standing; // made by the server's escaping templates
    document.dispatchEvent(new CustomEvent("keyturn:changed"));
    if (!event.detail.held) for (const dialog of page.querySelectorAll("dialog[open]")) dialog.close();
    decide();
  });
  document.addEventListener("keyturn:resync", () => setTimeout(decide, Math.random() * 300));
  document.addEventListener("keyturn:over", (event) => {
    if (!event.target.closest("#standing")) return;
    for (const button of page.querySelectorAll("#decide button:not([type=button])")) button.disabled = true;
    document.getElementById("over-note").hidden = false;
  });
  document.addEventListener("close", () => { if (stale) decide(); }, true);

  document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-fill]");
    if (!chip) return;
    const field = document.getElementById(chip.dataset.fill);
    field.value = chip.textContent;
    field.focus();
  });

  if (new URLSearchParams(location.search).has("refuse")) {
    document.querySelector("[data-open=refuse]")?.click();
    history.replaceState(null, "", location.pathname);
  }
})();

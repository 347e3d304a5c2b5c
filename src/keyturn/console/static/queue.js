// The queue follows the stream: rows come, change and go in place; nothing moves under the reader's hand but what must.
"use strict";
(() => {
  const queue = document.getElementById("queue");
  if (!queue) return;
  const wanted = JSON.parse(queue.dataset.filter);
  let heading = false;
  const list = () => document.getElementById("rows");

  const fits = (action) => Object.entries(wanted).every(([name, value]) => action[name] === value);

  function element(html) {
    const template = document.createElement("template");
    template.innerHTML = html; // made by the server's escaping templates
    return template.content.firstElementChild;
  }

  function place(parent, node, sort) {
    const after = [...parent.children].find((child) => sort(child) > sort(node));
    parent.insertBefore(node, after || null);
  }

  function dropped(row) {
    const bunch = row.closest(".bunch");
    const had = row.contains(document.activeElement);
    const next = row.nextElementSibling || bunch.nextElementSibling || row.previousElementSibling;
    row.remove();
    if (!bunch.querySelector(".row")) bunch.remove();
    if (had) next?.querySelector("[data-main]")?.focus({ preventScroll: true });
  }

  function put(action) {
    const old = document.getElementById(`row-${action.id}`);
    if (!action.held) {
      if (old) dropped(old);
      return settle();
    }
    const row = element(action.row);
    if (old) {
      const box = old.querySelector("input[type=checkbox]"), focused = old.contains(document.activeElement);
      row.querySelector("input[type=checkbox]").checked = box.checked;
      row.classList.toggle("seen", old.classList.contains("seen"));
      row.classList.add("arrived");
      old.replaceWith(row);
      if (focused) row.querySelector("[data-main]").focus({ preventScroll: true });
      return settle();
    }
    if (queue.dataset.paged === "1" || !fits(action)) return;
    row.classList.add("arrived");
    let bunch = [...list().children].find((each) => each.dataset.group === action.group);
    if (!bunch) {
      bunch = document.createElement("li");
      bunch.className = "bunch";
      bunch.dataset.group = action.group;
      const inner = document.createElement("ol");
      inner.append(row);
      bunch.append(inner);
      place(list(), bunch, (each) => Number(each.querySelector(".row").dataset.sort));
    } else place(bunch.querySelector("ol"), row, (each) => Number(each.dataset.sort));
    settle();
    if (!heading && bunch.querySelectorAll(".row").length > 1 && !bunch.querySelector(".bunch-head")) {
      heading = true; // the server writes what alike ones have in common
      setTimeout(() => afresh().finally(() => { heading = false; }), Math.random() * 400);
    }
  }

  function settle() {
    const some = Boolean(list().querySelector(".row"));
    document.getElementById("queue-empty").hidden = some;
    for (const count of document.querySelectorAll("[data-bunch-count]")) {
      const bunch = count.closest(".bunch");
      count.textContent = String(bunch.querySelectorAll(".row").length + Number(count.dataset.bunchCount));
    }
    mark();
    document.dispatchEvent(new CustomEvent("keyturn:changed"));
  }

  function mark() {
    const marked = queue.querySelectorAll("input[name=id]:checked").length;
    const bar = document.getElementById("together-bar");
    bar.hidden = !marked;
    document.getElementById("together-count").textContent = `${marked} marked`;
  }

  function afresh() {
    const focused = document.activeElement?.closest("[data-row]")?.id;
    const marked = new Set([...queue.querySelectorAll("input[name=id]:checked")].map((box) => box.value));
    return htmx.ajax("GET", location.pathname + location.search, { target: "#queue", swap: "innerHTML" }).then(() => {
      for (const box of queue.querySelectorAll("input[name=id]")) box.checked = marked.has(box.value);
      if (focused) document.getElementById(focused)?.querySelector("[data-main]")?.focus({ preventScroll: true });
      settle();
    });
  }

  document.addEventListener("keyturn:action", (event) => put(event.detail));
  document.addEventListener("keyturn:resync", () => setTimeout(afresh, Math.random() * 400));
  document.addEventListener("keyturn:over", (event) => event.target.closest(".row")?.classList.add("going"));
  queue.addEventListener("change", mark);
  queue.addEventListener("reset", () => setTimeout(mark));
})();

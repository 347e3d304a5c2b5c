// One stream a browser: the tab that holds the lock listens, and hands every event to the others.
"use strict";
(() => {
  if (!document.body.dataset.person) return;
  const SILENCE = 25000;
  const sign = document.getElementById("live"), lost = document.getElementById("lost");
  const channel = new BroadcastChannel(`keyturn-live ${document.body.dataset.person}`);
  const rendered = Number(document.querySelector('meta[name="seq"]')?.content ?? Infinity);
  let heard = Date.now(), state = "waiting", missed = false, stops = null, last = null, current = false;

  function show(next) {
    if (next === state) return;
    if (next === "lost") missed = true;
    state = next;
    sign.dataset.state = next;
    sign.lastElementChild.textContent = next === "on" ? "live" : "connection lost";
    lost.hidden = next !== "lost";
    if (next === "on" && missed) {
      missed = false;
      tell("resync", {});
    }
  }

  function tell(name, detail) {
    document.dispatchEvent(new CustomEvent(`keyturn:${name}`, { detail }));
  }

  function pulse(data) {
    const words = data.waiting.toLocaleString("en");
    for (const element of document.querySelectorAll("[data-waiting]")) {
      element.hidden = !data.waiting;
      element.textContent = words;
    }
    document.title = `${data.waiting ? `(${words}) ` : ""}${document.body.dataset.title} · Keyturn`;
    const now = JSON.stringify(data.stops);
    if (stops !== null && now !== stops) {
      document.documentElement.classList.toggle("is-stopped", data.stops.length > 0);
      htmx.ajax("GET", "/console/stops", { target: "#stops", swap: "innerHTML" });
    }
    stops = now;
  }

  function receive({ name, data }) {
    if (name === "hello") return last && channel.postMessage({ name: "pulse", data: last });
    heard = Date.now();
    if (name === "lost") return show("lost");
    if (name === "signed-out") return location.assign("/console/sign-in?why=ended&next=" + encodeURIComponent(location.pathname + location.search));
    show("on");
    if (name === "pulse") {
      pulse(data);
      // What changed between the page's making and its first word from the stream would be missed.
      if (!current && data.seq > rendered) tell("resync", {});
      current = true;
    }
    tell(name, data);
  }

  function listen() {
    const source = new EventSource("/console/live");
    const all = (name, data) => {
      if (name === "pulse") last = data;
      channel.postMessage({ name, data });
      receive({ name, data });
    };
    for (const name of ["pulse", "action", "resync", "ping", "signed-out", "full"]) {
      source.addEventListener(name, (event) => all(name, JSON.parse(event.data)));
    }
    source.onerror = () => {
      all("lost", {});
      if (source.readyState === EventSource.CLOSED) setTimeout(() => { source.close(); listen(); }, 3000);
    };
    addEventListener("pagehide", () => source.close());
  }

  channel.onmessage = (event) => receive(event.data);
  channel.postMessage({ name: "hello", data: {} });
  if (navigator.locks) navigator.locks.request(channel.name, () => { listen(); return new Promise(() => {}); });
  else listen();
  setInterval(() => { if (Date.now() - heard > SILENCE) show("lost"); }, 2000);
})();

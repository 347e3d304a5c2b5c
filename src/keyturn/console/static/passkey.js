// Passkeys: begin on the server, ask the authenticator, finish on the server. Used by forms with data-passkey.
"use strict";
(() => {
  const csrf = () => document.querySelector('meta[name="csrf"]')?.content || "";
  class Refused extends Error {}

  async function post(path, body) {
    let response;
    try {
      response = await fetch(path, {
        method: "POST", credentials: "same-origin", redirect: "error",
        headers: { "Content-Type": "application/json", "X-Keyturn-Csrf": csrf() }, body: JSON.stringify(body),
      });
    } catch {
      throw new Refused("The server can't be reached. Nothing was done; try again.");
    }
    const said = await response.json().catch(() => ({}));
    if (!response.ok) {
      const { message = `The server answered ${response.status}.`, hint = "", reasons = [] } = said.error || {};
      const why = reasons.map(([policy, words]) => `${words} (${policy})`).join(" ");
      throw new Refused([message, why, hint].filter(Boolean).join(". "));
    }
    return said;
  }

  function bytes(text) {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (ch) => ch.charCodeAt(0));
  }

  function text(buffer) {
    return btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  }

  // parse…OptionsFromJSON and toJSON where the browser has them; the same by hand where it has not.
  function creation(json) {
    if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(json);
    const known = (json.excludeCredentials || []).map((each) => ({ ...each, id: bytes(each.id) }));
    return { ...json, challenge: bytes(json.challenge), user: { ...json.user, id: bytes(json.user.id) }, excludeCredentials: known };
  }

  function request(json) {
    if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(json);
    const allowed = (json.allowCredentials || []).map((each) => ({ ...each, id: bytes(each.id) }));
    return { ...json, challenge: bytes(json.challenge), allowCredentials: allowed };
  }

  function answer(credential) {
    if (credential.toJSON) return credential.toJSON();
    const from = credential.response, response = { clientDataJSON: text(from.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (from[name]) response[name] = text(from[name]);
    }
    if (from.getTransports) response.transports = from.getTransports();
    return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response, clientExtensionResults: {} };
  }

  function readable(error) {
    if (error instanceof Refused) return error.message;
    const words = {
      NotAllowedError: "The passkey was not used: it was cancelled, timed out, or there is none for this page. Nothing was done.",
      InvalidStateError: "This authenticator has a passkey for you already. Use it to sign in.",
      SecurityError: "The browser does not offer passkeys at this address.",
      NotSupportedError: "This authenticator can't make such a passkey.",
      AbortError: "The passkey was cancelled. Nothing was done.",
    };
    return words[error.name] || `The passkey failed (${error.name}). Nothing was done.`;
  }

  async function carry(form) {
    const fields = Object.fromEntries([...new FormData(form)].filter(([name]) => name !== "csrf" && name !== "hold"));
    const holds = new FormData(form).getAll("hold").map((each) => each.split(" "));
    const begun = await post(`${form.action}/begin`, { ...fields, holds });
    const credential = form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey: creation(begun.options) })
      : await navigator.credentials.get({ publicKey: request(begun.options) });
    return post(`${form.action}/finish`, { ...fields, ceremony: begun.ceremony, answer: answer(credential) });
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.passkey) return;
    event.preventDefault();
    const button = form.querySelector("button:not([type=button])"), said = form.querySelector("[data-said]");
    if (button.disabled) return;
    button.disabled = true;
    form.dataset.busy = "1";
    said.hidden = true;
    try {
      if (!window.PublicKeyCredential) throw new Refused("This browser has no passkeys here. Open the console over https or on localhost.");
      const done = await carry(form);
      location.assign(done.next);
    } catch (error) {
      said.textContent = readable(error);
      said.hidden = false;
      button.disabled = false;
      delete form.dataset.busy;
      delete form.dataset.sent;
    }
  });
})();

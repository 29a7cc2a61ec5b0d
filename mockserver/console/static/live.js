// Live pages: a bell rings when something happens on the server, and pages read again what they show.
//
// For other modules:
//
//   import { onBell, concerns } from "./live.js";
//   onBell((bell) => { if (concerns(bell, "demo")) … });
//
// It rings at most 4 times a second, also once when a tab is shown or connects again. `bell.ended` is true if calls
// were removed, because a journal was cleared or a sandbox has ended.
//
// For templates, without a script of their own:
//
//   <section id="bars" data-live="{{ url_for('limits.bars', sandbox=name) }}" data-live-sandbox="{{ name }}">
//
// When the bell of that sandbox rings (without `data-live-sandbox`: of any), the URL is read, at most twice a second,
// and the element with the same id in the answer takes this one's place. An answer may be a whole page: `data-live=""`
// reads the present page again. Focus, open details and what has been typed are kept. Modules that prepare elements
// listen to the event `refreshed` of the document.

import { fragment } from "./fragment.js";
import { morph } from "./morph.js";
import { watch } from "./stream.js";

const REFRESH_MS = 500;
const STATES = {
  connecting: "Connecting",
  live: "Live",
  paused: "Paused",
  reconnecting: "Reconnecting",
  polling: "Polling",
  refused: "Logged out",
  offline: "Offline",
};
const dot = document.querySelector("[data-dot]"); // pages without it are not live, such as the login
const listeners = [];
const refreshes = new WeakMap(); // by element: {time, timer, busy, again}
let state = "connecting";
let paused = false;

/** Call a function whenever the bell rings. */
export function onBell(listener) {
  listeners.push(listener);
}

/** Return true if a bell may be about a sandbox. */
export function concerns(bell, sandbox) {
  return !bell.sandboxes || !sandbox || bell.sandboxes.includes(sandbox);
}

/** Say that this page does not show what is new, or shows it again. */
export function setPaused(value) {
  if (paused === value) return;
  paused = value;
  showState();
}

function receive(message) {
  if (!message.state) return ring(message);
  const connected = message.state === "live" && (message.began || state !== "live");
  state = message.state;
  showState();
  if (message.version && message.version !== document.body.dataset.version) {
    document.querySelector("[data-updated]").hidden = false;
  }
  if (connected) ring({ sandboxes: null, ended: false }); // something may have happened before
}

function showState() {
  const shown = paused && (state === "live" || state === "polling") ? "paused" : state;
  dot.dataset.state = shown;
  dot.textContent = STATES[shown];
  dot.hidden = shown === "connecting"; // it takes a moment: the word would only flash
}

function ring(bell) {
  for (const listener of listeners) listener(bell);
}

onBell((bell) => {
  for (const element of document.querySelectorAll("[data-live]")) {
    if (concerns(bell, element.dataset.liveSandbox)) schedule(element);
  }
});

function schedule(element) {
  const refresh = refreshes.get(element) ?? { time: 0, timer: 0, busy: false, again: false };
  refreshes.set(element, refresh);
  if (refresh.busy) refresh.again = true;
  else refresh.timer ||= setTimeout(read, refresh.time + REFRESH_MS - performance.now(), element, refresh);
}

async function read(element, refresh) {
  Object.assign(refresh, { time: performance.now(), timer: 0, busy: true, again: false });
  try {
    const response = await fetch(element.dataset.live);
    const fresh = response.ok && fragment(await response.text()).getElementById(element.id);
    if (fresh && element.isConnected) {
      morph(element, fresh);
      document.dispatchEvent(new CustomEvent("refreshed", { detail: element }));
    }
  } catch {
    // The server is away. When it is back, the bell rings.
  }
  refresh.busy = false;
  if (refresh.again && element.isConnected) schedule(element);
}

if (dot) watch(receive);

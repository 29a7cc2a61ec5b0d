// The list of calls follows what is new, until the reader scrolls, or focuses or selects something in it. From then
// on it stays as it is, and a button tells how many calls are new.

import { fragment } from "./fragment.js";
import { concerns, onBell, setPaused } from "./live.js";
import { morph } from "./morph.js";
import { newCalls, say } from "./voice.js";

const MAX_ROWS = 200;
const FETCH_MS = 250; // at least, between two answers
const RECOUNT_MS = 5000; // at least: with a filter, only the server knows how many dropped calls did fit
const list = document.querySelector("#calls[data-follow]");
let following = true;
let whole = false; // the list must be read anew, because calls in it were removed
let recounting = 0; // the timer that will say so
let waiting = 0; // new calls that are not shown
let busy = false;
let again = false;
let top = 0; // how far the page is scrolled while it follows

const find = (name) => list.querySelector(`[${name}]`);
const rows = () => list.querySelector("#rows");
const number = (name) => Number(rows().dataset[name]);

if (list) {
  onBell((bell) => {
    whole ||= bell.ended;
    if (concerns(bell, list.dataset.sandbox)) update();
  });
  list.addEventListener("click", (event) => {
    if (event.target.closest("[data-toggle]")) follow(!following);
    if (event.target.closest("[data-new]")) follow(true);
  });
  const pause = () => rows().rows.length && follow(false);
  list.addEventListener("focusin", (event) => event.target.closest("#rows") && pause());
  document.addEventListener("selectionchange", () => selected() && pause());
  document.addEventListener("scroll", () => scrollY > top && pause());
  for (const kind of ["wheel", "touchmove"]) addEventListener(kind, pause, { passive: true });
  show();
}

function selected() {
  const selection = getSelection();
  return !selection.isCollapsed && selection.containsNode(rows(), true);
}

/** Follow what is new, from the top; or stop. */
function follow(value) {
  if (following === value) return;
  following = value;
  if (following) {
    if (selected()) getSelection().removeAllRanges();
    if (rows().contains(document.activeElement)) document.activeElement.blur();
    if (document.activeElement === find("data-new")) find("data-toggle").focus();
    scrollTo(0, 0);
    if (list.getBoundingClientRect().top > innerHeight / 2) list.scrollIntoView(); // on a narrow screen
    top = Math.ceil(scrollY);
    update();
  }
  show();
}

/** Read what is new, and once more if the bell rings meanwhile. */
async function update() {
  again = busy;
  if (busy) return;
  busy = true;
  try {
    await read();
  } catch {
    // The server is away. When it is back, the bell rings.
  }
  setTimeout(() => {
    busy = false;
    if (again) update();
  }, FETCH_MS);
}

async function read() {
  if (following && (whole || !rows().rows.length)) return readWhole(false);
  const url = new URL(list.dataset.follow, location.href);
  url.searchParams.set("after", rows().dataset.position);
  if (!following) url.searchParams.set("only", "count");
  const response = await fetch(url);
  if (response.status >= 400 && response.status < 500 && response.status !== 429) return location.reload();
  if (!response.ok) return;
  const fresh = fragment(await response.text()).querySelector("#rows");
  if (fresh.dataset.instance !== rows().dataset.instance) return readWhole(true); // the server was restarted
  const count = Number(fresh.dataset.count);
  const [kept, dropped] = [Number(fresh.dataset.kept), Number(fresh.dataset.dropped)];
  whole ||= kept + dropped < number("kept") + number("dropped"); // when it polls, nobody tells what was removed
  if (filtered() && dropped > number("dropped")) recounting ||= setTimeout(recount, RECOUNT_MS);
  if (following && whole) return readWhole(false);
  if (following) await new Promise(requestAnimationFrame);
  say(count - waiting);
  if (following && !url.searchParams.has("only")) insert(fresh, count);
  else waiting = count;
  show();
}

const filtered = () => list.querySelector("[data-number=count]") !== null;

function recount() {
  recounting = 0;
  whole = true;
  update();
}

/** Put new rows on top, and take away what is too much. */
function insert(fresh, count) {
  const body = rows();
  const added = [...fresh.rows];
  for (const row of added) row.classList.add("fresh");
  if (count > added.length) body.replaceChildren(...added);
  else body.prepend(...added);
  while (body.rows.length > MAX_ROWS) body.lastElementChild.remove();
  Object.assign(body.dataset, fresh.dataset, { count: number("count") + count });
}

/** Read the whole list: after a restart of the server, or if calls were removed and the reader has not paused. */
async function readWhole(restarted) {
  const response = await fetch(location.href);
  const fresh = response.ok && fragment(await response.text()).querySelector("#calls");
  if (!fresh || !(following || restarted)) return;
  say(Math.max(0, fresh.querySelector("#rows").dataset.count - (restarted ? 0 : number("count"))));
  morph(list, fresh);
  document.dispatchEvent(new CustomEvent("refreshed", { detail: list }));
  [whole, waiting] = [false, 0];
  show();
}

/** Show counters and buttons as they are now. */
function show() {
  if (following) waiting = 0;
  setPaused(!following);
  find("data-toggle").hidden = false;
  find("data-toggle").setAttribute("aria-pressed", following);
  find("data-new").hidden = !waiting;
  find("data-new").textContent = newCalls(waiting);
  for (const shown of list.querySelectorAll("[data-number]")) {
    shown.textContent = number(shown.dataset.number).toLocaleString("en");
  }
  find("data-dropped-note").hidden = !number("dropped");
}

// Single keys. They do nothing in a field, with a dialog open, or if they are turned off in the list of keys.
//
// An element with `data-key="c"` is clicked by that key, or focused if it is a field; `data-key="g c"` is two keys, one
// after the other. `data-key="u"` is the way back: Esc takes it too, and it leads to the list that the reader came from.
// `data-row` marks the links of a list: j and k move the focus from one to the next.

const PREFIX_MS = 1500; // after g
const OFF = "mockserver-keys-off"; // in the storage of the browser
const CAME_FROM = "mockserver-came-from"; // in that of the tab: the list and the row that led to the present page
const dialog = document.querySelector("#keys");
const toggle = document.querySelector("#keys-on");
let prefix = "";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  if (document.querySelector("dialog[open], :popover-open") || (stored(localStorage, OFF) && event.key !== "Escape")) return;
  const key = prefix + event.key;
  prefix = "";
  if (key === "g") {
    prefix = "g ";
    setTimeout(() => (prefix = ""), PREFIX_MS);
    event.preventDefault();
  } else if (act(key)) event.preventDefault();
});

/** Do what a key stands for. Return false if that is nothing on this page. */
function act(key) {
  if (key === "j" || key === "k") return move(key === "j" ? 1 : -1);
  return key === "u" || key === "Escape" ? back() : press(key);
}

function press(key) {
  const elements = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)];
  const element = elements.find((one) => !one.disabled && one.checkVisibility());
  if (!element) return false;
  if (element.matches("input, textarea, select")) element.focus();
  else element.click();
  element.select?.();
  return true;
}

function move(by) {
  const links = [...document.querySelectorAll("[data-row]")].filter((one) => one.checkVisibility());
  const at = links.indexOf(document.activeElement);
  const next = links[at < 0 ? 0 : Math.min(Math.max(at + by, 0), links.length - 1)];
  next?.focus();
  return next !== undefined;
}

function back() {
  const link = document.querySelector('[data-key="u"]');
  if (link) location.assign(JSON.parse(stored(sessionStorage, CAME_FROM) ?? "null")?.list ?? link.href);
  return link !== null;
}

document.addEventListener("click", (event) => {
  const row = event.target.closest("[data-row]");
  if (row) store(sessionStorage, CAME_FROM, JSON.stringify({ list: location.href, link: row.getAttribute("href") }));
});

/** Focus the row that led to the page from which the reader comes back. */
function focusRow() {
  const from = JSON.parse(stored(sessionStorage, CAME_FROM) ?? "null");
  const link = [...document.querySelectorAll("[data-row]")].find((one) => one.getAttribute("href") === from?.link);
  if (link && from.list === location.href) link.focus();
  if (!document.querySelector('[data-key="u"]')) store(sessionStorage, CAME_FROM, "");
}

/** Return a text of a storage, or null. A browser may forbid storages. */
function stored(storage, name) {
  try {
    return storage.getItem(name);
  } catch {
    return null;
  }
}

function store(storage, name, text) {
  try {
    if (text) storage.setItem(name, text);
    else storage.removeItem(name);
  } catch {
    // It is not kept.
  }
}

const open = document.querySelector('[data-key="?"]');
if (dialog && open) {
  open.hidden = false;
  open.addEventListener("click", () => dialog.showModal());
  toggle.checked = !stored(localStorage, OFF);
  toggle.addEventListener("change", () => store(localStorage, OFF, toggle.checked ? "" : "off"));
}
focusRow();

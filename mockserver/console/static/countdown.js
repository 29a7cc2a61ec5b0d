// Countdowns: `<span data-until="2026-…Z">` shows how long it is until then. An element with `data-within` is hidden
// until so many seconds are left. When the time has come, the page is read again.

const TICK_MS = 5000;
const MINUTE = 60;

function words(seconds) {
  const minutes = Math.floor(seconds / MINUTE);
  if (minutes < 1) return "less than a minute";
  const parts = [[Math.floor(minutes / 60), "hour"], [minutes % 60, "minute"]];
  return parts.filter(([count]) => count).map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`).join(" ");
}

function tick() {
  for (const element of document.querySelectorAll("[data-until]")) {
    const seconds = (Date.parse(element.dataset.until) - Date.now()) / 1000;
    if (element.dataset.within) element.hidden = seconds > element.dataset.within;
    else element.textContent = words(seconds);
    if (seconds <= 0) return location.reload();
  }
}

if (document.querySelector("[data-until]")) {
  setInterval(tick, TICK_MS);
  document.addEventListener("refreshed", tick);
}

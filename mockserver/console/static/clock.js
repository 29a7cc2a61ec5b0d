// Clocks that run: <time data-clock datetime="…">26 Nov 2026, 10:33:07 UTC</time> goes on by itself.

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const began = performance.now();
const starts = new WeakMap(); // by element: [its datetime, and the milliseconds since the page began]

function tick() {
  for (const time of document.querySelectorAll("time[data-clock]")) {
    const [text, from] = starts.get(time) ?? ["", 0];
    if (text !== time.dateTime) starts.set(time, [time.dateTime, performance.now() - began]);
    else time.textContent = shown(new Date(Date.parse(text) + performance.now() - began - from));
  }
}

function shown(date) {
  const parts = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
  const clock = parts.map((number) => String(number).padStart(2, "0")).join(":");
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}, ${clock} UTC`;
}

setInterval(tick, 1000);
tick();

// Tells the users of screen readers of new calls: in one sentence, and not too often.

const SAY_MS = 5000; // at least, between two sentences
let unsaid = 0;

/** Return a number of calls in words. */
export function newCalls(count) {
  return `${count.toLocaleString("en")} new ${count === 1 ? "call" : "calls"}`;
}

/** Say soon that there are so many more calls. */
export function say(count) {
  if (!unsaid && count) setTimeout(speak, SAY_MS);
  unsaid += count;
}

function speak() {
  document.querySelector("[data-said]").textContent = newCalls(unsaid);
  unsaid = 0;
}

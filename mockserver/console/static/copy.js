// Copy buttons. Where the browser has no clipboard (plain http on a name that is not local), they select the text.

function show() {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    if (button.said) button.textContent = button.said; // a part that is read anew has the usual text
  }
}

show();
document.addEventListener("refreshed", show);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    say(button, "Copied");
  } catch {
    getSelection().selectAllChildren(source);
    say(button, "Selected");
  }
});

function say(button, text) {
  button.usual ??= button.textContent;
  button.textContent = button.said = text;
  clearTimeout(button.timer);
  button.timer = setTimeout(() => {
    button.textContent = button.usual;
    button.said = "";
  }, 1500);
}

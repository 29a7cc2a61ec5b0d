// Calls from the pages of documentation. With scripts, the page itself sends them to the vendor, as any client does.

import { fragment } from "./fragment.js";

const MAX_SENT = 5000; // characters of the request's body: the page shows fewer

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-try]");
  if (!form) return;
  event.preventDefault();
  const button = event.submitter ?? form.querySelector("button");
  button.setAttribute("aria-busy", "true");
  try {
    await attempt(form, button);
  } catch {
    sendWithoutScript(form, button);
  }
  button.removeAttribute("aria-busy");
});

async function attempt(form, button) {
  const body = new URLSearchParams(new FormData(form, button));
  const asked = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
  if (!asked.ok) return sendWithoutScript(form, button); // the page that says which field is wrong
  const request = await asked.json();
  if (!request.by_browser) return sendWithoutScript(form, button);
  const { method, target, url, position, place, wanted } = request;
  const sent = { sent_headers: request.headers, sent_body: request.body.slice(0, MAX_SENT) };
  const got = { method, target, url, position, place, wanted, ...sent, ...(await call(request)) };
  const headers = { "Content-Type": "application/json" };
  const shown = await fetch(form.dataset.try, { method: "POST", body: JSON.stringify(got), headers });
  if (!shown.ok) return sendWithoutScript(form, button);
  for (const one of document.querySelectorAll("form[data-try] [aria-pressed]")) {
    one.removeAttribute("aria-pressed"); // only the last answer is shown
    document.getElementById(one.form.dataset.into).replaceChildren();
  }
  if (button.name) button.setAttribute("aria-pressed", "true");
  const at = document.getElementById(form.dataset.into);
  at.replaceChildren(fragment(await shown.text()));
  document.dispatchEvent(new CustomEvent("refreshed", { detail: at }));
  at.firstElementChild.scrollIntoView({ block: "nearest" });
}

/** Send a request to the vendor, without cookies. Status 0 means that there is no answer. */
async function call({ method, url, headers, body }) {
  try {
    const options = { method, headers, body: body || undefined, credentials: "omit", cache: "no-store" };
    const response = await fetch(url, options);
    const text = (await response.text()).slice(0, 65_537);
    return { status: response.status, headers: [...response.headers], body: text };
  } catch {
    return { status: 0, headers: [], body: "" };
  }
}

/** Let the server send the request, and show the answer on a new page. */
function sendWithoutScript(form, button) {
  if (button.name) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: button.name, value: button.value }));
  form.submit();
}

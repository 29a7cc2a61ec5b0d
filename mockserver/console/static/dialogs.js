// Links with `data-dialog` lead to a page that asks first. With scripts, its form opens in a dialog instead.

import { fragment } from "./fragment.js";

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const response = await fetch(link.href).catch(() => null);
  const form = response?.ok && fragment(await response.text()).querySelector("[data-dialog-body]");
  if (!form) return location.assign(link.href);
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", form.querySelector("h1, h2").id);
  dialog.append(form);
  document.body.append(dialog);
  dialog.addEventListener("click", (inside) => {
    if (!inside.target.closest("[data-cancel]")) return;
    inside.preventDefault();
    dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    link.focus();
  });
  dialog.showModal();
  dialog.querySelector("[data-cancel]").focus(); // not the button that does it
});

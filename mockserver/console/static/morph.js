// Changes an element into a fresh one in place, so that its nodes stay, and with them focus, scrolling, open
// details, and what has been typed.

/** Give a node the attributes and children of a fresh one with the same name. */
export function morph(node, fresh) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.data !== fresh.data) node.data = fresh.data;
    return;
  }
  for (const { name } of [...node.attributes]) {
    if (name !== "open" && !fresh.hasAttribute(name)) node.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (name !== "open" && node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  let next = node.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const same = wanted.id ? childWithId(node, wanted.id) : next;
    if (!same || !alike(same, wanted)) {
      node.insertBefore(wanted, next);
      continue;
    }
    if (same === next) next = next.nextSibling;
    else node.insertBefore(same, next);
    morph(same, wanted);
  }
  while (next) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

function childWithId(node, id) {
  return [...node.children].find((child) => child.id === id);
}

function alike(node, fresh) {
  return node.nodeName === fresh.nodeName && (node.id ?? "") === (fresh.id ?? "");
}

// Makes nodes from HTML of this server's own templates: the only place that turns text into markup.

const policy = window.trustedTypes?.createPolicy("console", { createHTML: (text) => text });

/** Return the nodes in an HTML text as a fragment. Scripts in it would not run, and none are there. */
export function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = policy ? policy.createHTML(html) : html;
  return template.content;
}

"use strict";
(() => {
  const every = Number(document.documentElement.dataset.refresh) * 1000;
  const live = document.getElementById("live");
  const stale = document.getElementById("stale");

  // The search works on its own; with this it also answers while one types.
  const filter = () => {
    const field = document.querySelector("#rules input[type=search]");
    if (!field) return;
    const word = field.value.toLowerCase();
    for (const row of document.querySelectorAll("#rules tbody tr")) {
      row.hidden = !row.textContent.toLowerCase().includes(word);
    }
  };
  document.addEventListener("input", event => {
    const field = event.target;
    if (field.type === "search") filter();
    if (field.form && field.form.dataset.edit !== undefined) mark(field.form);
  });

  // Only what was changed is sent, and the form says how much that is.
  const original = field => field.form.elements["was." + field.name];
  const fields = form => Array.from(form.elements).filter(field => original(field));
  const mark = form => {
    let count = 0;
    for (const field of fields(form)) {
      const differs = field.value !== original(field).value;
      field.classList.toggle("changed", differs);
      if (differs) count += 1;
    }
    const button = form.querySelector("button.main");
    button.disabled = count === 0;
    button.textContent = count === 0 ? "Nothing changed" : count === 1 ? "Save 1 change" : `Save ${count} changes`;
  };
  document.querySelectorAll("form[data-edit]").forEach(form => {
    mark(form);
    form.addEventListener("submit", () => {
      for (const field of fields(form)) {
        if (field.value === original(field).value) {
          original(field).disabled = true;
          field.disabled = true;
        }
      }
    });
  });
  // Coming back with the browser's own button.
  addEventListener("pageshow", event => {
    if (event.persisted) location.reload();
  });

  // New values come in place: what has the focus, a search or an open part stays as it is.
  const renew = async () => {
    if (document.hidden) return;
    let text;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      text = await answer.text();
    } catch (problem) {
      stale.hidden = false;
      return;
    }
    stale.hidden = true;
    // The page's own style is there already, and its policy forbids that of another answer.
    text = text.replace(/<style[^]*?<\/style>/, "");
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const next = fresh.getElementById("live");
    if (!next) return;
    const active = document.activeElement;
    if (active && live.contains(active) && active.matches("input, select")) return;
    const path = active && live.contains(active) ? position(active) : null;
    const open = Array.from(live.querySelectorAll("details"), one => one.open);
    const word = live.querySelector("input[type=search]")?.value;
    live.replaceChildren(...next.childNodes);
    live.querySelectorAll("details").forEach((one, place) => {
      if (place < open.length) one.open = open[place];
    });
    const field = live.querySelector("input[type=search]");
    if (field && word !== undefined) field.value = word;
    filter();
    if (path !== null) live.querySelectorAll("a, button, summary, input")[path]?.focus({ preventScroll: true });
    document.title = fresh.title;
    const icon = fresh.querySelector("link[rel=icon]");
    if (icon) document.querySelector("link[rel=icon]").href = icon.href;
  };
  const position = element => Array.from(live.querySelectorAll("a, button, summary, input")).indexOf(element);
  if (every > 0 && live) setInterval(renew, every);
  filter();
})();

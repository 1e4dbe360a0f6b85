"use strict";
(() => {
  const every = Number(document.documentElement.dataset.refresh) * 1000;
  const parts = () => Array.from(document.querySelectorAll("[data-live]"));
  const inside = element => element?.closest("[data-live]");
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
    if (field.form?.id === "filter") ask(field.form);
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

  // Finds an element again among new ones: by what it does and what it says, as others come and go.
  const sameAs = element => {
    const name = one => [one.tagName, one.getAttribute("href"), one.getAttribute("formaction"), one.name, one.textContent].join("\n");
    const all = () => Array.from(document.querySelectorAll("[data-live] :is(a, button, summary, input)")).filter(one => name(one) === wanted);
    const wanted = name(element);
    const place = all().indexOf(element);
    return () => all()[place];
  };

  // New values come in place: what has the focus, a search or an open part stays as it is.
  let latest = 0;
  const renew = async () => {
    if (document.hidden) return;
    const own = ++latest;
    let text;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      text = await answer.text();
    } catch (problem) {
      if (own === latest) stale.hidden = false;
      return;
    }
    // Another question was asked in the meantime.
    if (own !== latest) return;
    stale.hidden = true;
    // The page's own style is there already, and its policy forbids that of another answer.
    text = text.replace(/<style[^]*?<\/style>/, "");
    const fresh = new DOMParser().parseFromString(text, "text/html");
    if (!fresh.getElementById("live")) return;
    const active = document.activeElement;
    if (inside(active) && active.matches("input, select")) return;
    const focused = inside(active) ? sameAs(active) : null;
    // Those that the reader has opened or closed; the page itself opens what is in trouble.
    const chosen = new Map();
    for (const one of document.querySelectorAll("[data-live] details")) {
      if (one.open !== ("open" in one.dataset)) chosen.set(one.id, one.open);
    }
    const word = document.querySelector("#rules input[type=search]")?.value;
    for (const part of parts()) part.replaceChildren(...(fresh.getElementById(part.id)?.childNodes ?? []));
    for (const [id, open] of chosen) {
      const one = document.getElementById(id);
      if (one) one.open = open;
    }
    const field = document.querySelector("#rules input[type=search]");
    if (field && word !== undefined) field.value = word;
    filter();
    if (focused) focused()?.focus({ preventScroll: true });
    document.title = fresh.title;
    const icon = fresh.querySelector("link[rel=icon]");
    if (icon) document.querySelector("link[rel=icon]").href = icon.href;
  };

  // The filter of workers is httpd's; with this it answers while one types.
  let pause = 0;
  const ask = form => {
    clearTimeout(pause);
    pause = setTimeout(() => {
      const filled = Array.from(new FormData(form)).filter(([, value]) => value !== "");
      history.replaceState(null, "", "?" + new URLSearchParams(filled));
      renew();
    }, 150);
  };
  document.getElementById("filter")?.addEventListener("submit", event => {
    event.preventDefault();
    ask(event.target);
  });
  if (every > 0) setInterval(renew, every);
  filter();
})();

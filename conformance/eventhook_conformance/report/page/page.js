"use strict";
(() => {
  const form = document.querySelector(".find");
  const input = document.getElementById("find");
  const found = document.getElementById("found");
  const chips = [...form.querySelectorAll("button")];
  const items = [...document.querySelectorAll("[data-item]")].map((element) => ({
    element,
    kind: element.dataset.item,
    outcomes: (element.dataset.outcomes || "").split(" "),
    text: element.textContent.toLowerCase().replace(/\s+/g, " "),
  }));
  const groups = [...document.querySelectorAll("[data-group], [data-cause]")];
  const folds = [...document.querySelectorAll(".alike")];
  const nothing = document.querySelector(".nothing");
  let shown = "";

  const fits = (item, words) =>
    words.every((word) => item.text.includes(word)) &&
    (shown === "" || item.kind !== "requirement" || item.outcomes.includes(shown));

  function narrow() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const counts = { requirement: 0, failure: 0, case: 0 };
    for (const item of items) {
      const fit = fits(item, words);
      item.element.hidden = !fit;
      counts[item.kind] += fit;
    }
    for (const group of groups) {
      group.hidden = !group.querySelector("[data-item]:not([hidden])");
    }
    for (const fold of folds) {
      fold.hidden = !fold.querySelector("[data-item]:not([hidden])");
      fold.open = words.length > 0 && !fold.hidden;
    }
    for (const [id, kind] of [["failures", "failure"], ["matrix", "requirement"], ["cases", "case"]]) {
      const section = document.getElementById(id);
      if (section) section.hidden = counts[kind] === 0;
    }
    const narrowed = words.length > 0 || shown !== "";
    const named = [[counts.requirement, "requirement"], [counts.failure, "failure"], [counts.case, "case"]];
    found.textContent = narrowed
      ? named.map(([count, noun]) => `${count} ${noun}${count === 1 ? "" : "s"}`).join(", ")
      : "";
    nothing.hidden = counts.requirement + counts.failure + counts.case > 0;
  }

  function unfold() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (target.hidden) {
      input.value = "";
      choose("");
    }
    const details = target.matches("details") ? target : target.querySelector("details");
    for (let fold = details; fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target.scrollIntoView();
  }

  function choose(outcome) {
    shown = outcome;
    for (const chip of chips) chip.setAttribute("aria-pressed", String(chip.dataset.show === outcome));
    narrow();
  }

  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  input.addEventListener("input", narrow);
  for (const chip of chips) chip.addEventListener("click", () => choose(chip.dataset.show));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== input) {
      event.preventDefault();
      input.focus();
    } else if (event.key === "Escape" && document.activeElement === input) {
      input.value = "";
      narrow();
    }
  });
  window.addEventListener("hashchange", unfold);
  unfold();

  if (navigator.clipboard) {
    for (const button of document.querySelectorAll(".copy")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(button.previousElementSibling.textContent);
        button.textContent = "copied";
      });
    }
  }
})();

// The search: looks for all words in window.MANUAL (search-index.js). Without scripts the site works all the same.
"use strict";
{
  const form = document.querySelector("form");
  const input = document.getElementById("search");
  const list = document.getElementById("found");
  form.hidden = false;

  function score(place, words) {
    const heading = `${place.page} ${place.heading}`.toLowerCase();
    const text = place.text.toLowerCase();
    let sum = 0;
    for (const word of words) {
      if (heading.includes(word)) sum += 10;
      else if (text.includes(word)) sum += 1;
      else return 0;
    }
    return sum;
  }

  function excerpt(place, word) {
    const at = Math.max(0, place.text.toLowerCase().indexOf(word) - 40);
    return (at ? "…" : "") + place.text.slice(at, at + 140);
  }

  function element(name, text) {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  }

  function show() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.replaceChildren();
    list.hidden = words.length === 0;
    if (list.hidden) return;
    const found = window.MANUAL.map((place) => [score(place, words), place])
      .filter(([points]) => points > 0)
      .sort((one, other) => other[0] - one[0])
      .slice(0, 12);
    for (const [, place] of found) {
      const link = document.createElement("a");
      link.href = place.href;
      const same = place.heading === place.page;
      link.append(element("span", same ? place.page : `${place.page}: ${place.heading}`));
      link.append(element("small", excerpt(place, words[0])));
      const item = document.createElement("li");
      item.append(link);
      list.append(item);
    }
    if (found.length === 0) {
      const item = element("li", "Nothing found.");
      item.className = "none";
      list.append(item);
    }
  }

  input.addEventListener("input", show);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    list.querySelector("a")?.click();
  });
  list.addEventListener("click", () => { list.hidden = true; });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== input) {
      event.preventDefault();
      input.focus();
    } else if (event.key === "Escape") {
      input.value = "";
      show();
      input.blur();
    }
  });
}

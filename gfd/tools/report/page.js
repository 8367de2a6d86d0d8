"use strict";
// All data reaches the page as text or through properties. None of it is parsed as markup.

const AT_ONCE = 30; // cards shown at first, and added by "Show more"
const MAX_PRINTED = 500; // more would keep the browser busy for minutes
const MAX_KEYS = 30, MAX_VALUES = 20; // offered at once; a search shows the others

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const { nodes, diagrams, texts, offers } = data;
const withGpus = nodes.filter((node) => node.hasGpus); // only these are counted
const taints = data.taints.map(([key, value, effect]) => ({ key, value, effect, text: `${key}${value ? `=${value}` : ""}:${effect}` }));
const labels = data.labels.map(([key, value]) => ({ key, value, text: `${key}=${value}`.toLowerCase(), nodes: 0 }));
const byKey = new Map(); // key -> numbers of its labels, the most frequent first
const chosen = new Map(); // key -> number of a label
const decided = new Map(); // number of a taint -> whether the user wants it tolerated
let yaml = ""; // the lines for a pod
let wanted = ""; // the resource that the user chose
let found = nodes; // the nodes that match search and selector
let cards = new Map(); // node -> its card, if it is on the page

const { compare } = new Intl.Collator("en", { numeric: true });
for (const node of withGpus) for (const number of node.labels) labels[number].nodes += 1;
labels.forEach(({ key }, number) => {
  if (!byKey.has(key)) byKey.set(key, []);
  byKey.get(key).push(number);
});
for (const numbers of byKey.values())
  numbers.sort((a, b) => labels[b].nodes - labels[a].nodes || compare(labels[a].value, labels[b].value));

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

// Return text with invisible characters, and those that change the writing direction, as escapes.
function shown(text) {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (sign) => `\\u{${sign.codePointAt(0).toString(16)}}`);
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.map((child) => (typeof child === "string" ? shown(child) : child)));
  return element;
}

// Cards

const ROW = 4, GAP = 16; // pixels: a row of the grid, and the space below a card
// Each card takes as many rows as it is high, so that the next one stands directly below it.
const heights = new ResizeObserver((entries) => {
  for (const { target } of entries) target.style.gridRowEnd = `span ${Math.ceil((target.offsetHeight + GAP) / ROW)}`;
});

function makeDiagram({ caption, words, rows, columns, segments }) {
  const figure = make("figure", {}, make("figcaption", {}, caption));
  if (segments.length) {
    const grid = make("div", { className: rows.length ? "grid divided" : "grid" });
    grid.style.gridTemplateColumns = `${rows.length ? "4.5em " : ""}repeat(${columns}, minmax(0, 1fr))`;
    if (words) {
      grid.role = "img";
      grid.ariaLabel = shown(words);
    } else grid.ariaHidden = "true"; // the caption says the same
    rows.forEach((name, row) => {
      const heading = make("span", { className: "row" }, name);
      heading.style.gridArea = `${row + 1} / 1`;
      grid.append(heading);
    });
    for (const { state, row, start, span, slices, text } of segments) {
      const segment = make("span", { className: `segment ${state} slices-${slices}`, title: shown(text) });
      segment.textContent = shown(text).replace(/\./g, ".\u200b"); // a line may break here
      segment.style.gridColumn = start === null ? `span ${span}` : `${start + 1 + (rows.length ? 1 : 0)} / span ${span}`;
      if (rows.length) segment.style.gridRow = String(row + 1);
      grid.append(segment);
    }
    figure.append(grid);
  }
  return figure;
}

// Return a button that chooses a label. It shows the number of nodes that would fit, if that is given.
function makeChoice(number, fitting) {
  const { key, value } = labels[number];
  const button = make("button", { type: "button", className: "choice" }, value || "(empty)");
  button.dataset.label = number;
  button.ariaLabel = shown(`${key} ${value || "(empty)"}`);
  button.ariaPressed = String(chosen.get(key) === number);
  if (fitting !== undefined) {
    button.append(make("small", {}, String(fitting)));
    button.ariaLabel += `, ${count(fitting, "node")}`;
    button.classList.toggle("none", fitting === 0);
  }
  return button;
}

function makeCard(node) {
  const [first, ...facts] = node.facts.map((number) => texts[number]);
  const card = make("li", { className: "card" }, make("h3", {}, node.name || "(no name)"));
  if (first) card.append(make("p", { className: "product" }, first));
  if (facts.length) card.append(make("p", { className: "facts" }, ...facts.flatMap(afterDot)));
  if (node.states.length) card.append(make("p", { className: "note" }, node.states.map((number) => texts[number]).join(", ")));
  if (node.taints.length) card.append(make("p", { className: "facts" }, "taints: ", ...node.taints.map((number) => taints[number].text).flatMap(afterDot)));
  card.append(...node.notes.map((number) => make("p", { className: "note" }, texts[number])));
  card.append(...node.diagrams.map((number) => makeDiagram(diagrams[number])));
  if (node.labels.length) {
    const details = make("details", {}, make("summary", {}, count(node.labels.length, "label")));
    details.addEventListener("toggle", () => details.append(makeTable(node)), { once: true });
    card.append(details);
  }
  heights.observe(card);
  return card;
}

function afterDot(fact, at) {
  return [at === 0 ? "" : " \u00b7 ", make("span", {}, fact)];
}

function makeTable(node) {
  const head = make("tr", {}, make("th", { scope: "col" }, "label"), make("th", { scope: "col" }, "value"));
  const rows = node.labels.map((number) =>
    make("tr", {}, make("th", { scope: "row" }, labels[number].key), make("td", {}, makeChoice(number))));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
}

// Search

function wordsOf(id) {
  return byId(id).value.toLowerCase().split(/\s+/).filter(Boolean);
}

function search() {
  const words = wordsOf("search");
  const hits = words.map((word) => labels.map((label) => label.text.includes(word)));
  return (node) => words.every((word, at) =>
    node.name.toLowerCase().includes(word) || node.labels.some((number) => hits[at][number]));
}

// Return how many of the chosen labels a node lacks, and the key of the last one.
function lack(node) {
  let number = 0, key;
  for (const [wantedKey, wanted] of chosen)
    if (!node.labels.includes(wanted)) {
      number += 1;
      key = wantedKey;
    }
  return { number, key };
}

// Return the number of nodes that fit, and for each label how many would fit if it were chosen, too.
function countFitting() {
  const fitting = new Uint32Array(labels.length);
  let all = 0;
  for (const node of withGpus) {
    const { number, key } = lack(node);
    if (number > 1) continue;
    if (number === 0) all += 1;
    for (const label of node.labels) if (number === 0 || labels[label].key === key) fitting[label] += 1;
  }
  return { all, fitting };
}

// Updates of the page

// Return how many devices of a node a new pod could get; -1 if that is unknown.
function countFree(node) {
  const free = node.offers.map((number) => offers[number][2]);
  if (free.includes(null) || !free.length) return -1;
  return node.states.length ? 0 : free.reduce((sum, each) => sum + each, 0);
}

function showNodes() {
  const matches = search();
  found = nodes.filter((node) => lack(node).number === 0 && matches(node));
  const order = byId("sort").value;
  if (order !== "name") found.sort((a, b) => (order === "most" ? countFree(b) - countFree(a) : countFree(a) - countFree(b)));
  showCards(AT_ONCE);
}

function showCards(number) {
  cards = new Map(found.slice(0, number).map((node) => [node, cards.get(node) || makeCard(node)]));
  keepFocus(() => byId("cards").replaceChildren(...cards.values()));
  byId("more").hidden = cards.size === found.length;
  const rest = cards.size === found.length ? "" : `, showing the first ${cards.size}`;
  const counted = found.filter((node) => node.hasGpus).length;
  const others = found.length > counted ? `, ${found.length - counted} without GPUs` : "";
  byId("found").textContent = nodes.length ? `${count(counted, "node")} found${others}${rest}` : "There are no nodes with GPUs.";
}

function showMore() {
  const next = cards.size;
  showCards(next + AT_ONCE);
  if (!byId("more").hidden) return;
  const heading = byId("cards").children[next].querySelector("h3"); // the hidden button has lost the focus
  heading.tabIndex = -1;
  heading.focus();
}

function showSelector() {
  const { all, fitting } = countFitting();
  const matching = withGpus.filter((node) => lack(node).number === 0);
  const resource = showResources(matching);
  const tolerated = showTolerations(matching);
  byId("matching").replaceChildren(make("strong", {}, String(all)), ` of ${count(withGpus.length, "node")} ${all === 1 ? "matches" : "match"}`);
  byId("room").textContent = shown(describeRoom(matching, resource, tolerated));
  yaml = writeYaml(resource, tolerated);
  byId("yaml").textContent = yaml;
  byId("clear").disabled = chosen.size === 0 && decided.size === 0 && !wanted;
  byId("copied").textContent = "";
  keepFocus(() => byId("choices").replaceChildren(...makeChoices(fitting)));
  for (const button of byId("cards").querySelectorAll(".choice"))
    button.ariaPressed = String(chosen.get(labels[button.dataset.label].key) === Number(button.dataset.label));
}

function makeChoices(fitting) {
  const words = wordsOf("label-search");
  const matches = (number) => words.every((word) => labels[number].text.includes(word));
  const keys = words.length ? [...byKey.keys()] : [...new Set([...data.first, ...chosen.keys()])];
  const offers = keys.map((key) => [key, byKey.get(key).filter(matches)]).filter(([, numbers]) => numbers.length);
  const sections = offers.slice(0, MAX_KEYS).map(([key, numbers]) => {
    const offered = numbers.filter((number, at) => at < MAX_VALUES || chosen.get(key) === number);
    const buttons = offered.map((number) => makeChoice(number, fitting[number]));
    const section = make("div", { className: "offer" }, make("h3", {}, key), ...buttons);
    const more = numbers.length - offered.length;
    if (more > 0) section.append(make("p", { className: "hint" }, `and ${count(more, "more value")}`));
    return section;
  });
  const rest = offers.length - sections.length;
  if (rest > 0) sections.push(make("p", { className: "hint" }, `and ${count(rest, "more label")}`));
  if (sections.length) return sections;
  const without = labels.length ? "No GPU labels. Search to find other labels." : "There are no labels.";
  return [make("p", { className: "hint" }, words.length ? "No label matches." : without)];
}

// Elements that are moved or made again lose the focus: give it to the element in their place.
function keepFocus(change) {
  const before = document.activeElement;
  change();
  if (document.activeElement === before) return;
  const { label, taint } = before.dataset;
  const again = before.isConnected ? before
    : taint === undefined ? byId("choices").querySelector(`[data-label="${label}"]`)
    : byId("tolerations").querySelector(`[data-taint="${taint}"]`);
  (again || byId("yaml")).focus({ preventScroll: again === null });
}

async function copy() {
  try {
    await navigator.clipboard.writeText(yaml);
    byId("copied").textContent = "Copied.";
  } catch { // the clipboard needs HTTPS
    getSelection().selectAllChildren(byId("yaml"));
    byId("copied").textContent = document.execCommand("copy") ? "Copied." : "Selected. Press Ctrl+C to copy.";
  }
}

function choose(number) {
  const { key } = labels[number];
  if (chosen.get(key) === number) chosen.delete(key);
  else chosen.set(key, number);
  showSelector();
  showNodes();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".choice");
  if (button) choose(Number(button.dataset.label));
});
byId("clear").addEventListener("click", () => {
  chosen.clear();
  decided.clear();
  wanted = "";
  showSelector();
  showNodes();
});
byId("copy").addEventListener("click", copy);
byId("more").addEventListener("click", showMore);
byId("search").addEventListener("input", showNodes);
byId("sort").addEventListener("input", showNodes);
byId("resource").addEventListener("input", () => {
  wanted = byId("resource").value;
  showSelector();
});
byId("tolerations").addEventListener("input", (event) => {
  decided.set(Number(event.target.dataset.taint), event.target.checked);
  showSelector();
});
byId("label-search").addEventListener("input", showSelector);
window.addEventListener("beforeprint", () => {
  const before = Math.max(cards.size, AT_ONCE);
  window.addEventListener("afterprint", () => showCards(before), { once: true });
  showCards(MAX_PRINTED);
});
byId("sorting").hidden = nodes.every((node) => countFree(node) < 0);
showSelector();
showNodes();

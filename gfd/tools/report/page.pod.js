// The lines for a pod: resource, tolerations and nodeSelector. Part of the script that page.js begins.

// Offer the resources of the nodes, and return the one for the pod: "" if there is none.
function showResources(matching) {
  const nodesOf = new Map();
  for (const node of matching)
    for (const number of node.offers) nodesOf.set(offers[number][0], (nodesOf.get(offers[number][0]) || 0) + 1);
  const names = [...nodesOf.keys()].sort((a, b) => nodesOf.get(b) - nodesOf.get(a) || compare(a, b));
  const implied = names.find((name) => [...chosen.keys()].some((key) => key.startsWith(`${name}.`) && name !== "nvidia.com/gpu"));
  const resource = names.includes(wanted) ? wanted : implied || names[0] || "";
  byId("resource").replaceChildren(...names.map((name) => {
    const option = make("option", { value: name, selected: name === resource });
    option.textContent = shown(`${name} (${count(nodesOf.get(name), "node")})`);
    return option;
  }));
  byId("resource").hidden = byId("resource-label").hidden = names.length < 2;
  return resource;
}

function isHard(number) {
  return taints[number].effect !== "PreferNoSchedule";
}

// Offer the taints of the nodes, and return the numbers of those that the pod tolerates. That is at first
// each taint that all nodes have, because the pod could not run without a toleration.
function showTolerations(matching) {
  const nodesOf = new Map();
  for (const node of matching)
    for (const number of node.taints.filter(isHard)) nodesOf.set(number, (nodesOf.get(number) || 0) + 1);
  const numbers = [...nodesOf.keys()].sort((a, b) => compare(taints[a].text, taints[b].text));
  const isTolerated = (number) => (decided.has(number) ? decided.get(number) : nodesOf.get(number) === matching.length);
  const boxes = numbers.map((number) => {
    const box = make("input", { type: "checkbox", checked: isTolerated(number) });
    box.dataset.taint = number;
    return make("label", { className: "toleration" }, box, ` ${taints[number].text} `, make("small", {}, count(nodesOf.get(number), "node")));
  });
  const [title] = byId("tolerations").children;
  keepFocus(() => byId("tolerations").replaceChildren(title, ...boxes));
  byId("tolerations").hidden = numbers.length === 0;
  return numbers.filter(isTolerated);
}

// Return what else decides whether the pod can run on the nodes that have its labels.
function describeRoom(matching, resource, tolerated) {
  if (!matching.length) return "";
  const isOpen = (node) => !node.states.length && node.taints.every((number) => !isHard(number) || tolerated.includes(number));
  const offered = (node) => node.offers.map((number) => offers[number]).find(([name]) => name === resource);
  const closed = matching.filter((node) => node.states.length).length;
  const tainted = matching.filter((node) => !node.states.length && !isOpen(node)).length;
  const parts = [];
  if (resource && matching.some((node) => (offered(node) || [])[2] !== undefined && offered(node)[2] !== null)) {
    const free = matching.filter((node) => isOpen(node) && offered(node) && offered(node)[2] > 0).length;
    parts.push(`${free} ${free === 1 ? "has" : "have"} a free ${resource} and no taint that keeps the pod away`);
  }
  if (tainted) parts.push(`${tainted} ${tainted === 1 ? "has a taint" : "have taints"} that the pod does not tolerate`);
  if (closed) parts.push(`${closed} ${closed === 1 ? "takes" : "take"} no new pods: cordoned, NotReady or short of memory or disk`);
  return parts.length ? `Of these, ${parts.join("; ")}.` : "";
}

// Return a YAML scalar in double quotes, for any text.
function quote(text) {
  const escape = (sign) => `\\U${sign.codePointAt(0).toString(16).padStart(8, "0")}`;
  return `"${text.replace(/[\\"]/g, "\\$&").replace(/[^ -~]/gu, escape)}"`;
}

function writeYaml(resource, tolerated) {
  // Such a key with a slash needs no quotes in YAML.
  const key = (text) => (/^[a-z0-9][-a-z0-9.]*\/[-A-Za-z0-9_.]+$/.test(text) ? text : quote(text));
  let text = "spec:\n";
  const lines = [...chosen].map(([name, number]) => `    ${key(name)}: ${quote(labels[number].value)}\n`);
  if (lines.length) text += `  nodeSelector:\n${lines.sort().join("")}`;
  const tolerations = tolerated.map((number) => {
    const { key: name, value, effect } = taints[number];
    const operator = value ? `    operator: Equal\n    value: ${quote(value)}\n` : "    operator: Exists\n";
    return `  - key: ${quote(name)}\n${operator}    effect: ${quote(effect)}\n`;
  });
  if (tolerations.length) text += `  tolerations:\n${tolerations.join("")}`;
  if (resource) text += `  containers:\n  - name: main\n    resources:\n      limits:\n        ${key(resource)}: 1\n`;
  return text === "spec:\n" ? "spec: {}\n" : text;
}

// The live graph. The picture comes once; each snapshot has one character a task, and only tasks
// whose character changed are touched. Everything shown is in the model, so that a view that is
// made later, after a reload of the page, is right at once.

/** The changes from one snapshot to the next: `[[index, character], ...]`. */
export function diff(before, after) {
  const changes = [];
  for (let i = 0; i < after.length; i++) {
    if (after[i] !== before[i]) changes.push([i, after[i]]);
  }
  return changes;
}

/** How often each character occurs, in the order of `looks`; those that do not are left out. */
export function tally(snapshot, looks) {
  const counts = new Map();
  for (const code of snapshot) counts.set(code, (counts.get(code) ?? 0) + 1);
  return Object.keys(looks)
    .filter((code) => counts.has(code))
    .map((code) => [code, counts.get(code)]);
}

/** The tasks of a picture, at their places in the flow: `{group, title, box, sign, count}`. */
export function findTasks(svg) {
  const tasks = [];
  for (const group of svg.querySelectorAll("g[data-task]")) {
    tasks[Number(group.getAttribute("data-index"))] = {
      group,
      title: group.querySelector("title"),
      box: group.querySelector('[data-part="box"]'),
      sign: group.querySelector('[data-part="sign"]'),
      count: group.querySelector('[data-part="count"]'),
    };
  }
  return tasks;
}

/** Give one task the look of a state. */
export function paint({ group, title, box, sign }, look) {
  const told = `${group.getAttribute("data-task")}: ${look.word}`;
  group.setAttribute("data-state", look.state);
  group.setAttribute("aria-label", told);
  title.textContent = told;
  box.setAttribute("fill", look.fill);
  box.setAttribute("stroke-width", look.width);
  if (look.dash) box.setAttribute("stroke-dasharray", look.dash);
  else box.removeAttribute("stroke-dasharray");
  sign.textContent = look.sign;
}

/** Paint what differs between two snapshots, and return how many tasks that were. */
export function repaint(tasks, before, after, looks) {
  const changes = diff(before, after).filter(([i, code]) => tasks[i] && looks[code]);
  for (const [i, code] of changes) paint(tasks[i], looks[code]);
  return changes.length;
}

/** Say in mapped tasks how many of their items are done. */
export function countItems(tasks, items) {
  tasks.forEach(({ group, count }) => {
    const told = count && items[group.getAttribute("data-task")];
    if (told) count.textContent = told;
  });
}

/** Read a picture as XML, never as HTML; null if it is none. */
export function readSvg(text, document, Parser = DOMParser) {
  if (!text) return null;
  const root = new Parser().parseFromString(text, "image/svg+xml").documentElement;
  return root.nodeName === "svg" ? document.importNode(root, true) : null;
}

/** Let a picture shrink to the page, but not so far that nobody can read it: then it scrolls. */
export function fit(svg) {
  const points = Number.parseFloat(svg.getAttribute("viewBox").split(" ")[2]);
  svg.style.width = `${points}pt`;
  svg.style.maxWidth = "100%";
  svg.style.minWidth = `${Math.round(points * 0.6)}pt`;
}

/** The legend: one entry a state that occurs, with its count. */
export function legend(list, snapshot, looks) {
  const document = list.ownerDocument;
  const entries = tally(snapshot, looks).map(([code, count]) => {
    const look = looks[code];
    const entry = document.createElement("li");
    entry.textContent = `${look.sign} ${count} ${look.word}`;
    entry.style.background = look.fill;
    entry.style.color = look.ink;
    entry.style.borderColor = look.edge;
    entry.style.borderWidth = Number(look.width) > 2 ? "2px" : "1px";
    entry.style.borderStyle = look.dash ? "dashed" : "solid";
    return entry;
  });
  list.replaceChildren(...entries);
}

function element(document, tag, name, parent) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  parent.append(made);
  return made;
}

export function render({ model, el }) {
  const document = el.ownerDocument;
  const frame = element(document, "div", "taskinity-flow", el);
  const svg = readSvg(model.get("svg"), document);
  let tasks = [];
  if (svg) {
    element(document, "div", "taskinity-flow-picture", frame).append(svg);
    fit(svg);
    tasks = findTasks(svg);
  } else {
    element(document, "div", "taskinity-flow-note", frame).textContent = model.get("note");
  }
  const bar = element(document, "div", "taskinity-flow-bar", frame);
  const list = element(document, "ul", "taskinity-flow-legend", bar);
  const counts = element(document, "span", "taskinity-flow-counts", bar);
  counts.setAttribute("role", "status");
  const button = element(document, "button", "", bar);
  button.type = "button";
  button.dataset.action = "cancel";
  button.addEventListener("click", () => {
    button.disabled = true;
    button.textContent = "Cancelling…";
    model.send({ action: "cancel" });
  });

  let drawn = "";
  const onStates = () => {
    const states = model.get("states");
    const looks = model.get("looks");
    repaint(tasks, drawn, states, looks);
    drawn = states;
    legend(list, states, looks);
  };
  const onCounts = () => {
    counts.textContent = model.get("counts");
  };
  const onItems = () => countItems(tasks, model.get("items"));
  const onCancel = () => {
    const cancel = model.get("cancel");
    button.hidden = cancel === "none";
    button.disabled = cancel !== "ready";
    button.textContent = cancel === "asked" ? "Cancelling…" : "Cancel";
  };
  const watched = {
    "change:states": onStates,
    "change:counts": onCounts,
    "change:items": onItems,
    "change:cancel": onCancel,
  };
  for (const [event, handler] of Object.entries(watched)) {
    handler();
    model.on(event, handler);
  }
  return () => {
    for (const [event, handler] of Object.entries(watched)) model.off(event, handler);
  };
}

export default { render };

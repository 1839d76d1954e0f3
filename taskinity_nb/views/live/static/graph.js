// The live graph. The picture comes once; each snapshot has one character a task, and only tasks
// whose character changed are touched. Everything shown is in the model, so that a view that is
// made later, after a reload of the page, is right at once.

/** Tasks above which a picture has buttons to zoom. */
const MANY = 60;

/** The changes from one snapshot to the next: `[[index, character], ...]`. */
export function diff(before, after) {
  const changes = [];
  for (let i = 0; i < after.length; i++) {
    if (after[i] !== before[i]) changes.push([i, after[i]]);
  }
  return changes;
}

/**
 * How many tasks are in each state, `[[character, count], ...]` in the order of `looks`: from a
 * snapshot, or from `total` where a character of that stands for several tasks.
 */
export function tally(snapshot, total, looks) {
  const counts = new Map(Object.entries(total));
  if (!counts.size) for (const code of snapshot) counts.set(code, (counts.get(code) ?? 0) + 1);
  return Object.keys(looks)
    .filter((code) => counts.has(code))
    .map((code) => [code, counts.get(code)]);
}

/** The tasks of a picture, at their places in the flow: `{group, title, box, sign, ...}`. */
export function findTasks(svg) {
  const tasks = [];
  for (const group of svg.querySelectorAll("g[data-task]")) {
    tasks[Number(group.getAttribute("data-index"))] = {
      group,
      title: group.querySelector("title"),
      box: group.querySelector('[data-part="box"]'),
      sign: group.querySelector('[data-part="sign"]'),
      name: group.querySelector('[data-part="name"]'),
      detail: group.querySelector('[data-part="detail"]'),
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

/** A time in few characters, as in the picture that is saved. */
export function shortTime(ms) {
  if (ms < 1) return "<1 ms";
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 59500) return `${Math.round(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  const padded = (n) => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const end = padded(seconds % 60);
  return hours ? `${hours}:${padded(minutes)}:${end}` : `${minutes}:${end}`;
}

/** Tell in each task of its items and its time; a task that runs has run for `since` more. */
export function tell(tasks, clock, items, since, isRunning) {
  tasks.forEach(({ group, name, detail }, i) => {
    if (!detail) return;
    const parts = [];
    const counted = items[group.getAttribute("data-task")];
    if (counted) parts.push(counted);
    const ms = clock[i] ?? -1;
    if (ms >= 0) parts.push(shortTime(isRunning(i) ? ms + since : ms));
    const told = parts.join(" · ");
    if (!told || detail.textContent === told) return;
    detail.textContent = told;
    name?.removeAttribute("transform");
  });
}

/** Light up the edges on which a result waits: their source is done, their target is not. */
export function lightEdges(edges, states, done) {
  for (const { edge, source, target } of edges) {
    const lit = done(states[source]) && !done(states[target]);
    if (lit === (edge.getAttribute("data-lit") === "yes")) continue;
    edge.setAttribute("data-lit", lit ? "yes" : "no");
  }
}

/** The edges of a picture, with the places of their ends in the flow. */
export function findEdges(svg, tasks) {
  const place = new Map();
  tasks.forEach(({ group }, i) => place.set(group.getAttribute("data-task"), i));
  return [...svg.querySelectorAll("g[data-source]")].map((edge) => ({
    edge,
    source: place.get(edge.getAttribute("data-source")),
    target: place.get(edge.getAttribute("data-target")),
  }));
}

/** The name of a box, or the node of a task; the result of a box is called as that is. */
function nodeCalled(svg, tasks, name) {
  const tab = [...svg.querySelectorAll("g[data-box]")].find((one) => one.getAttribute("data-box") === name);
  return tab ?? tasks.find((task) => task?.group.getAttribute("data-task") === name)?.group;
}

/** Read a picture as XML, never as HTML; null if it is none. */
export function readSvg(text, document, Parser = DOMParser) {
  if (!text) return null;
  const root = new Parser().parseFromString(text, "image/svg+xml").documentElement;
  return root.nodeName === "svg" ? document.importNode(root, true) : null;
}

/** Buttons to look closer at a large picture; it scrolls in its frame. */
export function addZoom(frame, picture, svg) {
  const document = frame.ownerDocument;
  const points = Number.parseFloat(svg.getAttribute("viewBox").split(" ")[2]);
  let scale = 0; // as `fit` has it
  const zoom = (to) => {
    scale = to && Math.min(4, Math.max(0.1, to));
    picture.dataset.zoomed = scale ? "yes" : "no";
    if (!scale) return fitToPage(svg);
    svg.style.width = `${points * scale}pt`;
    svg.style.maxWidth = "none";
  };
  const now = () => scale || (svg.clientWidth * 0.75) / points || 1;
  const bar = element(document, "div", "taskinity-flow-zoom", frame);
  const steps = [["−", "zoom out", () => now() / 1.4], ["+", "zoom in", () => now() * 1.4], ["fit", "fit to the page", () => 0]];
  for (const [text, label, to] of steps) {
    const button = element(document, "button", "", bar);
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => zoom(to()));
  }
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // without, the page scrolls
    event.preventDefault();
    zoom(now() * (event.deltaY < 0 ? 1.15 : 1 / 1.15));
  });
  return zoom;
}

/** Show a picture as large as the image that takes its place, which scrolls where it is too wide. */
export function fit(svg) {
  svg.style.width = svg.getAttribute("width");
  svg.style.maxWidth = "none";
}

/** Show all of a picture, as far as the page has room. */
function fitToPage(svg) {
  svg.style.width = svg.getAttribute("width");
  svg.style.maxWidth = "100%";
}

/** The legend: one entry a state that occurs, with its count, as `tally` has them. */
export function legend(list, counts, looks) {
  const document = list.ownerDocument;
  const entries = counts.map(([code, count]) => {
    const look = looks[code];
    const entry = document.createElement("li");
    entry.textContent = `${look.sign} ${count.toLocaleString("en")} ${look.word}`;
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

/** Put the picture in its place, and its buttons among the tools; return its tasks and edges. */
function addPicture(tools, picture, svg) {
  picture.append(svg);
  fit(svg);
  const tasks = findTasks(svg);
  for (const { group } of tasks.filter(Boolean)) group.setAttribute("tabindex", "0");
  if (tasks.length > MANY) addZoom(tools, picture, svg);
  return { tasks, edges: findEdges(svg, tasks) };
}

function render({ model, el }) {
  const document = el.ownerDocument;
  const frame = element(document, "div", "taskinity-flow", el);
  frame.setAttribute("data-lm-suppress-shortcuts", "true"); // keys are for what has the focus
  if (model.get("beside")) frame.dataset.beside = "yes";
  let tasks = [];
  let edges = [];
  let drawn = "";
  const hasPicture = Boolean(model.get("svg"));
  let turned = ""; // the node that was opened or folded: the one of that name gets the focus back
  const turn = (task) => {
    turned = task;
    model.send({ action: "turn", task, item: null, node: true });
  };
  const onOpened = hasPicture ? addFolds(frame, model, turn) : () => {};
  const tools = element(document, "div", "", frame);
  const picture = hasPicture ? element(document, "div", "taskinity-flow-picture", frame) : null;
  if (!hasPicture) element(document, "div", "taskinity-flow-note", frame).textContent = model.get("note");
  const bar = element(document, "div", "taskinity-flow-bar", frame);
  const list = element(document, "ul", "taskinity-flow-legend", bar);
  const progress = element(document, "progress", "", bar);
  progress.max = 1;
  progress.setAttribute("aria-label", "tasks done");
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
  const within = model.get("beside") || !hasPicture;
  const panel = model.get("opens") ? (within ? panelWithin : panelOver)(model, frame) : null;
  frame.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel?.close()) event.stopPropagation();
  });
  const onPanel = () => {
    panel?.refresh();
    for (const { group } of tasks.filter(Boolean)) {
      const open = group.getAttribute("data-task") === model.get("panel").task;
      if (open !== (group.getAttribute("data-open") === "yes")) group.setAttribute("data-open", open ? "yes" : "no");
    }
  };
  const onSvg = () => {
    const svg = readSvg(model.get("svg"), document);
    if (!svg) return; // the picture that stays takes its place
    picture.replaceChildren();
    tools.replaceChildren();
    ({ tasks, edges } = addPicture(tools, picture, svg));
    const open = (task, group, byKey) => {
      if (model.get("folded").includes(task)) turned = task;
      panel.open(asked(task, model.get("folded")), group, byKey);
    };
    if (panel) {
      letOpen(tasks, open);
      letClose(svg, turn);
    }
    drawn = "";
    onOpened();
    onStates();
    onTick();
    panel?.moveTo(svg);
    onPanel();
    if (turned) nodeCalled(svg, tasks, turned)?.focus();
    turned = "";
  };
  const onStates = () => {
    const states = model.get("states");
    const looks = model.get("looks");
    repaint(tasks, drawn, states, looks);
    const done = (code) => code !== undefined && looks[code].final;
    lightEdges(edges, states, done);
    drawn = states;
    onTotal();
  };
  const onTotal = () => {
    const looks = model.get("looks");
    legend(list, tally(model.get("states"), model.get("total"), looks), looks);
  };
  const onCounts = () => {
    counts.textContent = model.get("counts");
  };
  const onDone = () => {
    progress.value = model.get("done");
  };
  // Times tick here; a view made after a reload of the page asks how old the clock is.
  let read = performance.now() - Math.max(0, Date.now() - (model.get("sent") || Date.now()));
  const onTick = () => {
    const states = model.get("states");
    const isRunning = (i) => model.get("looks")[states[i]]?.state === "running";
    tell(tasks, model.get("clock"), model.get("items"), performance.now() - read, isRunning);
  };
  const onClock = () => {
    read = performance.now();
    onTick();
  };
  const onCancel = () => {
    const cancel = model.get("cancel");
    button.hidden = cancel === "none";
    button.disabled = cancel !== "ready";
    button.textContent = cancel === "asked" ? "Cancelling…" : "Cancel";
  };
  const watched = {
    "change:svg": onSvg,
    "change:states": onStates,
    "change:total": onTotal,
    "change:counts": onCounts,
    "change:done": onDone,
    "change:clock": onClock,
    "change:items": onTick,
    "change:cancel": onCancel,
    "change:panel": onPanel,
  };
  for (const [event, handler] of Object.entries(watched)) {
    if (handler !== onClock) handler();
    model.on(event, handler);
  }
  const ticking = setInterval(onTick, 100);
  ticking.unref?.(); // outside of a browser it holds up nothing
  model.send({ action: "shown" }); // more than once, if the page was reloaded
  return () => {
    clearInterval(ticking);
    for (const [event, handler] of Object.entries(watched)) model.off(event, handler);
  };
}

export default { initialize, render };

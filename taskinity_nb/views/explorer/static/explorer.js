// The explorer: sliders, a Gantt chart and a curve. What is set goes to Python as a message; what is
// shown comes back as state, so that a view that is made later is right at once. A bar is six
// numbers: start, length, row, task, item, state.

const STRIDE = 6;
const SVG = "http://www.w3.org/2000/svg";
const FONT = 11;
const ROW = 40;
/** Pixels of a chart, at most. */
const HEIGHT = 270;
/** Milliseconds after which a message that was not answered holds up the next one no longer. */
const PATIENCE = 2000;
/** Names that are written into bars; of more, nobody reads any. */
const MOST_NAMES = 400;

/** The bars of a message, as numbers. */
export function readBars(view) {
  if (!view || !view.byteLength) return new Float32Array(0);
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return new Float32Array(bytes.slice().buffer);
}

/** One path for all bars of a state, or for all bars: one element, however many there are. */
export function pathOf(bars, place, state = null) {
  const parts = [];
  for (let i = 0; i < bars.length; i += STRIDE) {
    if (state !== null && bars[i + 5] !== state) continue;
    const { x, y, width, height } = place(bars, i);
    parts.push(`M${x.toFixed(1)} ${y.toFixed(1)}h${width.toFixed(1)}v${height.toFixed(1)}h${(-width).toFixed(1)}z`);
  }
  return parts.join("");
}

/** The states that occur in bars, in their order. */
export function statesIn(bars) {
  const found = new Set();
  for (let i = 5; i < bars.length; i += STRIDE) found.add(bars[i]);
  return [...found].sort((a, b) => a - b);
}

/** Round numbers from 0 to `most`, about `count` of them. */
export function ticksTo(most, count) {
  if (!(most > 0)) return [0];
  const raw = most / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw * 0.999);
  const ticks = [];
  for (let n = 0; n * step <= most * 1.0001; n++) ticks.push(n * step);
  return ticks;
}

/** A time beside others of which the longest is `longest`; without `seconds`, tasks are counted. */
export function timeText(value, longest, seconds = true) {
  const digits = (number) => String(Number(number.toPrecision(3)));
  if (!seconds) return digits(value);
  return longest >= 1 ? `${digits(value)} s` : `${digits(value * 1000)} ms`;
}

/** What to call a bar. */
export function nameOf(bars, i, names) {
  const item = bars[i + 4];
  return item < 0 ? names[bars[i + 3]] : `${names[bars[i + 3]]}[${item}]`;
}

/** Cut a text to a width; the middle goes, because ends tell names apart. "" if too little fits. */
export function fitted(text, width, measure) {
  if (measure(text) <= width) return text;
  const characters = [...text];
  const cut = (length) => {
    const tail = Math.ceil(length / 2);
    return [...characters.slice(0, length - tail), "…", ...characters.slice(characters.length - tail)].join("");
  };
  let [low, high] = [0, characters.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (measure(cut(middle)) <= width) low = middle;
    else high = middle - 1;
  }
  return low >= 3 ? cut(low) : "";
}

/** The bar at a time in a row, the last one that was drawn; -1 if there is none. */
export function barAt(bars, time, row) {
  for (let i = bars.length - STRIDE; i >= 0; i -= STRIDE) {
    if (bars[i + 2] === row && bars[i] <= time && time <= bars[i] + bars[i + 1]) return i;
  }
  return -1;
}

/** The speed-up at a number of workers that may lie between two points of the curve. */
export function speedAt(points, workers) {
  let before = points[0];
  for (const point of points) {
    if (point[0] === workers) return point[1];
    if (point[0] > workers) {
      const share = (workers - before[0]) / (point[0] - before[0]);
      return before[1] + share * (point[1] - before[1]);
    }
    before = point;
  }
  return before[1];
}

/** What a slider says: whole, or with as many digits as matter. */
export function settle(value, whole) {
  const number = Number(value);
  return whole ? Math.round(number) : Number(number.toPrecision(3));
}

/** What is set with an input, which may be a number, a switch or a text. */
export function readInput({ input, kind, whole }) {
  if (kind === "switch") return input.checked;
  return kind === "text" ? input.value : settle(input.value, whole);
}

/** Let an input show what is set. */
export function showInput(one, value) {
  one.exact = value;
  if (one.kind === "switch") one.input.checked = value;
  else if (one.input.value !== String(value)) one.input.value = value; // else the cursor of a text would jump
}

/** The place of a number among the steps of a slider: its own, or that of the nearest one. */
export function placeOf(steps, number) {
  let best = 0;
  for (let i = 1; i < steps.length; i++) {
    if (Math.abs(steps[i] - number) < Math.abs(steps[best] - number)) best = i;
  }
  return best;
}

/** Sends one message at a time: of those that were asked for meanwhile, only the last one. What goes
 * by the settings, as a run does, has that one sent first. */
export function latest(send, patience = PATIENCE, now = () => performance.now()) {
  let number = 0;
  let waiting = null;
  let next = null;
  const go = (content) => {
    number += 1;
    waiting = { number, since: now() };
    send({ ...content, number });
  };
  return {
    ask(content) {
      if (waiting && now() - waiting.since < patience) next = content;
      else go(content);
    },
    answered(answer) {
      if (!waiting || answer !== waiting.number) return;
      waiting = null;
      this.flush();
    },
    flush() {
      if (!next) return;
      const content = next;
      next = null;
      go(content);
    },
    get isIdle() {
      return !waiting;
    },
  };
}

function element(document, tag, name, parent, text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}

function shape(parent, tag, attributes, text = "") {
  const made = parent.ownerDocument.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}

/** A function that tells how wide a text is, in pixels. */
function ruler(document) {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return (text) => text.length * FONT * 0.62;
  context.font = `${FONT}px system-ui, sans-serif`;
  return (text) => context.measureText(text).width;
}

/** What a prediction is called: for other inputs than those that are set, it says for which. */
export function predictedFor(shown) {
  return shown.for ? `predicted for ${shown.for}` : "predicted";
}

/** A vertical line with words at its upper end, on whichever side there is room. */
function markAt(svg, x, bottom, width, words, name, level) {
  const y = 12 + level * 15;
  shape(svg, "line", { x1: x, x2: x, y1: y - 9, y2: bottom, class: name });
  const isLeft = x > width / 2;
  shape(svg, "text", { x: x + (isLeft ? -5 : 5), y, "text-anchor": isLeft ? "end" : "start", class: "words" }, words);
}

/** Draw the Gantt chart; return where its bars are. */
export function drawGantt(svg, size, data, measure) {
  const { predicted, measured, shown, names, looks } = data;
  const isLaid = shown.measured !== null;
  const bottom = 36;
  const top = isLaid ? 40 : 24;
  const longest = Math.max(predicted.length ? shown.makespan : 0, shown.measured ?? 0) || 1;
  const row = Math.min(ROW, (size.height - top - bottom) / shown.rows);
  const hasLabels = row >= 11;
  const left = hasLabels ? Math.ceil(measure(`worker ${shown.rows}`)) + 10 : 14;
  const end = size.width - 10;
  const floor = top + row * shown.rows;
  const xOf = (time) => left + ((end - left) * time) / longest;
  const inset = (gap) => (bars, i) => ({
    x: xOf(bars[i]),
    y: top + row * bars[i + 2] + gap,
    width: Math.max(0.8, xOf(bars[i] + bars[i + 1]) - xOf(bars[i])),
    height: Math.max(1, row - 2 * gap),
  });
  const gap = row > 8 ? 2 : 0.5;
  const outer = inset(gap);
  const inner = inset(gap + Math.min(6, Math.max(1, (row - 17) / 2)));
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
  for (const tick of ticksTo(longest, size.width / 90)) {
    const x = xOf(tick);
    shape(svg, "line", { x1: x, x2: x, y1: top - 4, y2: floor + 4, class: "grid" });
    const at = Math.min(x, end - measure(timeText(tick, longest, shown.seconds)) / 2);
    shape(svg, "text", { x: at, y: floor + 17, "text-anchor": "middle" }, timeText(tick, longest, shown.seconds));
  }
  if (!shown.seconds) {
    shape(svg, "text", { x: left, y: floor + 31 }, "each task counts 1");
  }
  if (hasLabels) {
    for (let i = 0; i < shown.rows; i++) {
      const y = top + row * (i + 0.5) + FONT * 0.36;
      shape(svg, "text", { x: left - 6, y, "text-anchor": "end" }, `worker ${i + 1}`);
    }
  }
  const outline = { d: pathOf(predicted, outer), "data-part": "predicted", class: isLaid ? "outline" : "plan" };
  if (!isLaid) Object.assign(outline, { fill: looks.states[0].fill, stroke: looks.edge });
  shape(svg, "path", outline);
  if (isLaid) {
    for (const state of statesIn(measured)) {
      const d = pathOf(measured, inner, state);
      shape(svg, "path", { d, fill: looks.states[state].fill, stroke: looks.ink, "stroke-width": 0.6, "data-part": "measured" });
    }
  }
  const [labelled, place] = isLaid ? [measured, inner] : [predicted, outer];
  let written = 0;
  for (let i = 0; i < labelled.length && row >= 13 && written < MOST_NAMES; i += STRIDE) {
    const { x, y, width, height } = place(labelled, i);
    if (width < 22) continue;
    const text = fitted(nameOf(labelled, i, names), width - 8, measure);
    if (!text) continue;
    written += 1;
    shape(svg, "text", { x: x + 4, y: y + height / 2 + FONT * 0.36, class: "name", fill: looks.ink }, text);
  }
  const told = (value) => timeText(value, longest, shown.seconds);
  // The words of the later one stand higher: they reach over the line of the other.
  const marks = predicted.length ? [[shown.makespan, `predicted ${told(shown.makespan)}${shown.for && ` for ${shown.for}`}`, "planned"]] : [];
  if (isLaid) marks.push([shown.measured, `${shown.how} ${told(shown.measured)}`, "took"]);
  marks.sort((a, b) => b[0] - a[0]);
  marks.forEach(([time, words, name], level) => markAt(svg, xOf(time), floor + 4, size.width, words, name, level));
  return { left, end, top, row, longest };
}

/** Draw the speed-up over the number of workers, which doubles from one tick to the next. */
export function drawCurve(svg, size, data) {
  const { curve, shown, settings, most, looks } = data;
  const [left, right, top, bottom] = [38, 14, 24, 36];
  const highest = Math.max(1.5, ...curve.points.map((point) => point[1]), ...curve.measured.map((one) => one.speed)) * 1.12;
  const doublings = Math.log2(most);
  const first = left + 10;
  const xOf = (workers) => first + ((size.width - first - right) * Math.log2(workers)) / doublings;
  const yOf = (times) => size.height - bottom - ((size.height - top - bottom) * times) / highest;
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
  for (const times of ticksTo(highest, 5)) {
    shape(svg, "line", { x1: left, x2: size.width - right, y1: yOf(times), y2: yOf(times), class: "grid" });
    shape(svg, "text", { x: left - 6, y: yOf(times) + FONT * 0.36, "text-anchor": "end" }, `${settle(times, false)}`);
  }
  for (let workers = 1; workers <= most; workers *= 2) {
    shape(svg, "line", { x1: xOf(workers), x2: xOf(workers), y1: yOf(0), y2: yOf(0) + 4, class: "axis" });
    shape(svg, "text", { x: xOf(workers), y: yOf(0) + 16, "text-anchor": "middle" }, `${workers}`);
  }
  shape(svg, "text", { x: (left + size.width - right) / 2, y: size.height - 6, "text-anchor": "middle" }, "workers");
  shape(svg, "text", { x: 4, y: 12 }, "speed-up");
  const line = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  const ideal = [];
  for (let i = 0; i <= 60; i++) {
    const workers = 2 ** ((Math.log2(Math.min(most, highest)) * i) / 60);
    ideal.push([xOf(workers), yOf(workers)]);
  }
  shape(svg, "path", { d: line(ideal), class: "ideal" });
  shape(svg, "path", { d: line(curve.points.map(([n, times]) => [xOf(n), yOf(times)])), class: "curve" });
  if (curve.knee) {
    shape(svg, "circle", { cx: xOf(curve.knee), cy: yOf(speedAt(curve.points, curve.knee)), r: 10, class: "knee" });
  }
  const [x, y] = [xOf(settings.counts), yOf(shown.speed)];
  shape(svg, "line", { x1: x, x2: x, y1: y, y2: yOf(0), class: "planned" });
  shape(svg, "circle", { cx: x, cy: y, r: 5.5, class: "point", fill: looks.states[0].fill, "data-part": "point" });
  for (const one of curve.measured) {
    const [cx, cy] = [xOf(one.workers), yOf(one.speed)];
    const fill = looks.states.find((look) => look.word === "succeeded").fill;
    const mark = shape(svg, "path", { d: `M${cx} ${cy - 6}l6 6l-6 6l-6-6z`, fill, class: "diamond", "data-part": "measured" });
    shape(mark, "title", {}, one.told);
  }
}

/** A legend: a small drawing and its words. */
function legend(document, parent, entries) {
  const items = entries.map(([draw, words]) => {
    const item = document.createElement("li");
    const key = shape(item, "svg", { width: 26, height: 14, "aria-hidden": "true" });
    draw(key);
    item.append(document.createTextNode(words));
    return item;
  });
  parent.replaceChildren(...items);
}

let views = 0;

/** A label, what it labels, and its value beside it. */
function field(document, parent, words, tag, attributes) {
  const box = element(document, "div", "field", parent);
  const id = `taskinity-explorer-${(views += 1)}-${Math.random().toString(36).slice(2)}`;
  const label = element(document, "label", "", box, words);
  label.setAttribute("for", id);
  const input = element(document, tag, "", box);
  input.id = id;
  for (const [key, value] of Object.entries(attributes)) input.setAttribute(key, value);
  const output = tag === "input" ? element(document, "output", "", box) : null;
  output?.setAttribute("for", id);
  return { input, output };
}

function build(model, el) {
  const document = el.ownerDocument;
  const root = element(document, "div", "taskinity-explorer", el);
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", `Explorer of ${model.get("title")}`);
  const controls = element(document, "div", "controls", root);
  const steps = model.get("steps");
  const column = element(document, "div", "", controls);
  const workers = field(document, column, "workers", "input", { type: "range", min: 0, max: steps.length - 1, step: 1, "data-set": "workers" });
  const memory = element(document, "p", "memory", column);
  const sliders = model.get("sliders").map((one) => ({
    ...field(document, controls, one.name, "input", {
      ...(one.kind === "number"
        ? { type: "range", min: one.least, max: one.most, step: one.whole ? 1 : "any" }
        : { type: one.kind === "switch" ? "checkbox" : "text" }),
      "data-set": one.name,
    }),
    kind: one.kind,
    whole: one.whole,
    exact: one.value, // as it was given, until it is moved
  }));
  const executor = field(document, controls, "executor", "select", { "data-set": "executor" });
  for (const name of model.get("executors")) {
    const option = element(document, "option", "", executor.input, name);
    option.value = name;
  }
  const buttons = element(document, "div", "buttons", controls);
  const made = {};
  for (const [action, words] of [["run", "Run"], ["cancel", "Cancel"], ["picture", "Leave a picture"]]) {
    const button = (made[action] = element(document, "button", "", buttons, words));
    button.type = "button";
    button.dataset.action = action;
  }
  const status = element(document, "span", "status", buttons);
  status.setAttribute("role", "status");
  const told = element(document, "p", "told", root);
  const charts = element(document, "div", "charts", root);
  const figures = ["gantt", "curve"].map((name) => {
    const figure = element(document, "div", name, charts);
    const svg = shape(figure, "svg", { role: "img", class: "chart", "data-chart": name });
    const list = element(document, "ul", "legend", figure);
    return { figure, svg, list };
  });
  const hint = element(document, "p", "hint", figures[0].figure);
  hint.setAttribute("aria-hidden", "true");
  const problem = element(document, "pre", "problem", root);
  problem.setAttribute("role", "alert");
  return { document, root, workers, memory, sliders, executor, buttons: made, told, gantt: figures[0], curve: figures[1], hint, status, problem };
}

const KEYS = {
  plan: (looks) => (key) => shape(key, "rect", { x: 1, y: 2, width: 23, height: 10, fill: looks.states[0].fill, stroke: looks.edge }),
  outline: () => (key) => shape(key, "rect", { x: 1, y: 2, width: 23, height: 10, class: "outline" }),
  state: (looks, look) => (key) => shape(key, "rect", { x: 1, y: 2, width: 23, height: 10, fill: look.fill, stroke: looks.ink }),
  line: (name) => (key) => shape(key, "line", { x1: 0, x2: 25, y1: 7, y2: 7, class: name }),
  knee: () => (key) => shape(key, "circle", { cx: 13, cy: 7, r: 6, class: "knee" }),
  point: (looks) => (key) => shape(key, "circle", { cx: 13, cy: 7, r: 5, class: "point", fill: looks.states[0].fill }),
  diamond: (fill) => (key) => shape(key, "path", { d: "M13 1l6 6l-6 6l-6-6z", fill, class: "diamond" }),
};

/** An element that has this gets its keys itself; one around it is asked only after the element's shortcuts. */
const OURS = "data-lm-suppress-shortcuts";

/** Keep keys from the notebook, which moves between cells with arrows; return what undoes that. */
export function keepKeys(root) {
  const window = root.ownerDocument.defaultView;
  // The window hears of a key before the notebook does. Keys with Ctrl, such as that which saves, stay the notebook's.
  const onKey = (event) => {
    if (!root.contains(event.target)) return;
    if (event.ctrlKey || event.metaKey || event.altKey) event.target.removeAttribute(OURS);
    else event.target.setAttribute(OURS, "true");
  };
  window?.addEventListener("keydown", onKey, true);
  root.addEventListener("keydown", (event) => {
    if (event.target.getAttribute(OURS)) event.stopPropagation();
  });
  return () => window?.removeEventListener("keydown", onKey, true);
}

function render({ model, el }) {
  const view = build(model, el);
  const { document, root, workers, sliders, executor, buttons } = view;
  const letGo = keepKeys(root);
  const measure = ruler(document);
  const me = Math.random().toString(36).slice(2);
  const messages = latest((content) => model.send({ ...content, action: "set", view: me }));
  let bars = { predicted: readBars(null), measured: readBars(null) };
  let geometry = null;
  let tallest = 0;

  const steps = model.get("steps");
  const chosen = () => steps[Number(workers.input.value)];
  const write = () => {
    workers.output.textContent = String(chosen());
    for (const one of sliders) {
      one.output.textContent = one.kind === "number" ? String(settle(one.exact, one.whole)) : "";
      one.output.hidden = one.kind !== "number";
    }
  };
  const ask = () => {
    write();
    messages.ask({
      workers: chosen(),
      executor: executor.input.value,
      values: sliders.map((one) => one.exact),
    });
  };
  workers.input.addEventListener("input", ask);
  for (const one of sliders) {
    one.input.addEventListener("input", () => {
      one.exact = readInput(one);
      ask();
    });
  }
  executor.input.addEventListener("change", ask);
  for (const [action, button] of Object.entries(buttons)) {
    button.addEventListener("click", () => {
      messages.flush(); // else it would run as it was set a moment ago
      model.send({ action });
    });
  }

  const draw = () => {
    const get = (name) => model.get(name);
    const data = { ...bars, shown: get("shown"), names: get("names"), looks: get("looks"), curve: get("curve"), settings: get("settings"), most: get("most") };
    const sizeOf = ({ figure }, height) => ({ width: Math.max(260, figure.clientWidth || 700), height });
    tallest = Math.max(tallest, Math.min(HEIGHT, 76 + ROW * data.shown.rows)); // it jumps up and down with no slider
    view.gantt.svg.style.height = `${tallest}px`;
    geometry = drawGantt(view.gantt.svg, sizeOf(view.gantt, tallest), data, measure);
    drawCurve(view.curve.svg, sizeOf(view.curve, HEIGHT), data);
  };
  const explain = () => {
    const { shown, looks, curve } = { shown: model.get("shown"), looks: model.get("looks"), curve: model.get("curve") };
    const states = statesIn(bars.measured).map((state) => looks.states[state]);
    const plan = states.length ? KEYS.outline() : KEYS.plan(looks);
    legend(document, view.gantt.list, [
      ...(bars.predicted.length ? [[plan, predictedFor(shown)]] : []),
      ...states.map((look) => [KEYS.state(looks, look), `measured: ${look.sign} ${look.word}`]),
    ]);
    const fill = looks.states.find((look) => look.word === "succeeded").fill;
    legend(document, view.curve.list, [
      [KEYS.line("curve"), `speed-up, ${predictedFor(shown)}`],
      [KEYS.point(looks), "here"],
      ...(curve.measured.length ? [[KEYS.diamond(fill), "measured"]] : []),
      ...(curve.knee ? [[KEYS.knee(), curve.knee === 1 ? "one worker is enough" : `up to ${curve.knee} workers pay`]] : []),
      [KEYS.line("ideal"), "ideal"],
    ]);
    view.told.textContent = shown.told;
    view.memory.textContent = shown.memory;
    view.memory.hidden = !shown.memory;
    view.gantt.svg.setAttribute("aria-label", `Gantt chart. ${shown.told}`);
    const measured = curve.measured.map((one) => ` ${one.told}.`).join("");
    const worth = curve.knee ? ` Up to ${curve.knee} pay.` : "";
    view.curve.svg.setAttribute("aria-label", `Speed-up over workers: here ${settle(shown.speed, false)} times.${worth}${measured}`);
    const memory = shown.memory ? ` Memory: ${shown.memory}.` : "";
    workers.input.setAttribute("aria-valuetext", `${chosen()}: ${shown.told}${memory}`);
  };
  const onChange = () => {
    bars = { predicted: readBars(model.get("predicted")), measured: readBars(model.get("measured")) };
    const { view: asker, number } = model.get("answered");
    if (asker === me) messages.answered(number);
    const settings = model.get("settings");
    if (messages.isIdle) {
      workers.input.value = placeOf(steps, settings.workers);
      executor.input.value = settings.executor;
      sliders.forEach((one, i) => showInput(one, settings.values[i]));
      write();
    }
    workers.input.disabled = settings.executor === "sequential";
    view.hint.textContent = "";
    draw();
    explain();
  };
  const onGoing = () => {
    const going = model.get("going");
    buttons.run.disabled = going !== "no";
    buttons.cancel.hidden = going === "no";
    buttons.cancel.disabled = going === "cancelling";
    buttons.picture.hidden = model.get("picture") === "no";
    buttons.picture.disabled = going !== "no" || model.get("picture") !== "yes";
    buttons.picture.title = model.get("picture") === "yes"
      ? "put a picture of this below the explorer, which is saved with the notebook"
      : "there is nothing to draw yet: run the flow first";
    root.setAttribute("data-going", going);
    view.status.textContent = model.get("status");
    view.problem.textContent = model.get("problem");
    view.problem.hidden = !model.get("problem");
  };
  const onPointer = (event) => {
    const box = view.gantt.svg.getBoundingClientRect();
    const scale = Number(view.gantt.svg.getAttribute("viewBox").split(" ")[2]) / box.width;
    const { left, end, top, row, longest } = geometry;
    const time = (((event.clientX - box.left) * scale - left) / (end - left)) * longest;
    const at = Math.floor(((event.clientY - box.top) * scale - top) / row);
    const { seconds } = model.get("shown");
    const tell = (kind) => {
      const i = barAt(bars[kind], time, at);
      if (i < 0) return "";
      const [from, length] = bars[kind].subarray(i, i + 2);
      const [began, ended, took] = [from, from + length, length].map((value) => timeText(value, longest, seconds));
      return `${kind}: ${nameOf(bars[kind], i, model.get("names"))}, ${began} to ${ended} (${took})`;
    };
    view.hint.textContent = [tell("measured"), tell("predicted")].filter(Boolean).join("; ");
  };
  view.gantt.svg.addEventListener("pointermove", onPointer);

  let scheduled = false;
  const onState = () => {
    if (scheduled) return; // one message changes several parts of the state
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      onChange();
      onGoing();
    });
  };
  const watched = ["settings", "answered", "shown", "predicted", "measured", "curve", "going", "status", "problem", "picture"];
  for (const name of watched) model.on(`change:${name}`, onState);
  onChange();
  onGoing();
  const resized = new ResizeObserver(() => draw());
  resized.observe(root);
  return () => {
    letGo();
    resized.disconnect();
    for (const name of watched) model.off(`change:${name}`, onState);
  };
}

export default { render };

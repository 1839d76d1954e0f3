// Run with: node --test tests/js/*.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";

import { GRAPH, Element, Model, document, load } from "./dom.mjs";

const { addPanel, compareBy, heightOf, pageOf, default: graph } = await load(...GRAPH);

const look = (state, sign) => ({ state, word: state, sign, fill: "#fff", width: "1", dash: "", ink: "#000", edge: "#777" });
const looks = { s: look("succeeded", "✓"), f: look("failed", "✗"), R: look("running", "▶") };
const hostile = "<script>window.pwned = 1</script>\"']]>";

const task = (more = {}) => ({
  name: "clean", task: "clean", item: null, state: "s", facts: [["took", "1.20 s"]], note: "", error: "",
  stdout: "", stderr: "", source: "", arguments: [], result: null, ...more,
});

function panel(beside = false) {
  const sent = [];
  let closed = 0;
  const frame = new Element("div");
  if (beside) frame.dataset.beside = "yes";
  const show = addPanel(frame, looks, (message) => sent.push(message), () => closed++);
  const parts = () => Object.fromEntries(frame.children[0].children.filter((p) => !p.hidden).map((p) => [p.dataset.part, p]));
  return { frame, show, sent, parts, closed: () => closed };
}
const texts = (node) => [...node.walk()].map((e) => e.textContent).filter(Boolean);
const rowsOf = (part) => part.querySelector("tbody").children.map((row) => row.children[0].children[0].textContent);

test("a panel is a region with a name, and shows only what there is", () => {
  const { show, parts } = panel();
  const section = show(task());
  assert.equal(section.getAttribute("role"), "region");
  assert.equal(section.getAttribute("aria-label"), "Task clean");
  assert.deepEqual(Object.keys(parts()), ["head", "facts"]);
  assert.deepEqual(texts(parts().facts), ["took", "1.20 s"]);
  show(task({ error: "ValueError: no", source: "def clean(): ..." }));
  assert.deepEqual(Object.keys(parts()), ["head", "facts", "error", "source"]);
});

test("a closed panel is hidden below a graph, and gives a hint beside one", () => {
  assert.equal(panel().show({}).hidden, true);
  const { show, parts } = panel(true);
  assert.equal(show({}).hidden, false);
  assert.deepEqual(Object.keys(parts()), ["hint"]);
  show(task());
  assert.ok(!("hint" in parts()));
});

test("texts of users are set as text, and HTML goes into a frame in which nothing runs", () => {
  const { show, parts } = panel();
  const preview = { kind: "html", data: hostile, type: hostile };
  show(task({ name: hostile, task: hostile, error: hostile, stdout: hostile, note: hostile, result: preview,
    arguments: [{ name: hostile, source: hostile, preview: { kind: "text", data: hostile, type: "str" } }] }));
  const { result, error } = parts();
  const frame = result.querySelector("iframe");
  assert.equal(frame.getAttribute("sandbox"), "");
  assert.match(frame.srcdoc, /default-src 'none'/);
  assert.ok(frame.srcdoc.endsWith(hostile));
  assert.ok(texts(error).includes(hostile));
});

test("a picture, a text, and what is still to come", () => {
  const { show, parts } = panel();
  show(task({ result: { kind: "waiting", data: "" } }));
  assert.equal(parts().result.querySelector("p").dataset.kind, "waiting");
  show(task({ result: { kind: "image", data: "data:image/png;base64,AA==", type: "Figure" } }));
  assert.equal(parts().result.querySelector("img").src, "data:image/png;base64,AA==");
  assert.equal(parts().result.querySelector("img").alt, "Result: Figure");
  assert.equal(parts().result.querySelector("h4").textContent, "Result: Figure");
  show(task({ result: { kind: "text", data: "42", type: "int" } }));
  assert.equal(parts().result.querySelector("pre").textContent, "42");
});

test("what has not changed is not touched", () => {
  const { show, parts } = panel();
  show(task({ result: { kind: "html", data: "<b>x</b>", type: "Page" } }));
  const frame = parts().result.querySelector("iframe");
  show(task({ result: { kind: "html", data: "<b>x</b>", type: "Page" }, stdout: "more" }));
  assert.equal(parts().result.querySelector("iframe"), frame);
  assert.ok("stdout" in parts());
});

const items = { what: "item", note: "2 more", rows: [
  [0, "0", "s", 30, "w1", ""], [1, "1", "f", 500, "w2", "ValueError: no"], [2, "2", "R", null, "w1", ""], [10, "10", "s", 4, "w1", ""],
] };

test("rows are ordered by number where they have one, and what is missing comes last", () => {
  const by = (column, down) => [...items.rows].sort(compareBy(column, down)).map((row) => row[0]);
  assert.deepEqual(by(1, false), [0, 1, 2, 10]);
  assert.deepEqual(by(1, true), [10, 2, 1, 0]);
  assert.deepEqual(by(3, false), [10, 0, 1, 2]);
  assert.deepEqual(by(3, true), [1, 0, 10, 2]);
  assert.deepEqual(by(5, true), [1, 0, 2, 10]);
});

test("items are listed, sorted by a click, and opened by one", () => {
  const { show, parts, sent } = panel();
  show(task({ items }));
  assert.deepEqual(rowsOf(parts().items), ["0", "1", "2", "10"]);
  const heads = parts().items.querySelectorAll("th");
  heads[2].children[0].listeners.click();
  assert.deepEqual(rowsOf(parts().items), ["10", "0", "1", "2"]);
  assert.deepEqual(heads.map((h) => h.getAttribute("aria-sort")), ["none", "none", "ascending", "none", "none"]);
  heads[2].children[0].listeners.click();
  assert.deepEqual(rowsOf(parts().items), ["1", "0", "10", "2"]);
  // The order stays when the run goes on.
  show(task({ items: { ...items, rows: items.rows.map((row) => [...row.slice(0, 2), "s", row[3] ?? 1000, "w", ""]) } }));
  assert.deepEqual(rowsOf(parts().items), ["2", "1", "0", "10"]);
  parts().items.querySelector("tbody").children[0].children[0].children[0].listeners.click();
  assert.deepEqual(sent, [{ action: "open", task: "clean", item: 2 }]);
});

test("the button of an item that is pressed stays, while the run goes on", () => {
  const { show, parts, sent } = panel();
  show(task({ items }));
  const buttons = () => parts().items.querySelectorAll("button");
  const before = buttons();
  assert.equal(before.length, 5 + 4);
  const rows = [...items.rows.slice(0, 2), [2, "2", "s", 7, "w1", ""], items.rows[3], [11, "11", "R", null, "w2", ""]];
  show(task({ items: { ...items, note: "", rows } }));
  assert.ok(before.every((button, i) => button === buttons()[i]));
  assert.deepEqual(rowsOf(parts().items), ["0", "1", "2", "10", "11"]);
  assert.equal(before[7].getAttribute("aria-label"), "item 2: succeeded");
  assert.ok(texts(parts().items).includes("7 ms"));
  before[7].listeners.click();
  assert.deepEqual(sent, [{ action: "open", task: "clean", item: 2 }]);
  show(task({ name: "other", task: "other", items })); // of another task they are others
  assert.ok(buttons().every((b) => !before.includes(b)));
  buttons()[7].listeners.click();
  assert.deepEqual(sent.at(-1), { action: "open", task: "other", item: 2 });
});

test("an item leads back to all of them, and the panel can be closed", () => {
  const { show, parts, sent, closed } = panel();
  show(task({ name: "clean[2]", item: 2 }));
  const [back, close] = parts().head.querySelectorAll("button");
  back.listeners.click();
  assert.deepEqual(sent, [{ action: "open", task: "clean", item: null }]);
  close.listeners.click();
  assert.equal(closed(), 1);
});

test("of a flow without a picture the tasks are listed", () => {
  const { show, parts, sent } = panel(true);
  show({ items: { what: "task", note: "", rows: [[7, "load", "s", 3, "w", ""]] } });
  assert.deepEqual(Object.keys(parts()), ["items"]);
  parts().items.querySelector("tbody").children[0].children[0].children[0].listeners.click();
  assert.deepEqual(sent, [{ action: "open", task: "load", item: null }]);
});

test("a page has the colours around it, and a height by its rows", () => {
  assert.match(pageOf("<p>x", "rgb(1, 2, 3)", "dark"), /color-scheme:dark.*color:rgb\(1, 2, 3\).*<p>x$/);
  assert.ok(heightOf("<tr><tr><tr>") > heightOf("<tr>"));
  assert.equal(heightOf("<tr>".repeat(1000)), 320);
});

function picture() {
  const parts = () => [new Element("title"), new Element("rect", { "data-part": "box" }), new Element("text", { "data-part": "sign" })];
  const group = (name, i) => new Element("g", { "data-task": name, "data-index": String(i) }, parts());
  return new Element("svg", { viewBox: "0 0 100 50" }, [group("load", 0), group("clean", 1)]);
}

function view(state = {}) {
  const svg = picture();
  globalThis.DOMParser = class {
    parseFromString() {
      return { documentElement: svg };
    }
  };
  const model = new Model({ svg: "<svg/>", folded: [], opened: {}, token: "t", note: "", looks, states: "ss", counts: "", cancel: "none", clock: [], items: {},
    done: 0, sent: 0, total: {}, opens: true, panel: {}, beside: false, ...state });
  const el = new Element("div");
  graph.render({ model, el });
  model.sent.length = 0;
  const frame = el.children[0];
  const press = (on, key) => on.listeners.keydown({ key, preventDefault() {}, stopPropagation() {} });
  return { model, svg, frame, press, nodes: svg.querySelectorAll("g") };
}

test("a click opens a task, and marks it", () => {
  const { model, nodes } = view({ beside: true });
  assert.equal(nodes[1].getAttribute("role"), "button");
  nodes[1].listeners.click();
  assert.deepEqual(model.sent, [{ action: "open", task: "clean", item: null, node: true }]);
  document.activeElement = null;
  model.set("panel", task());
  assert.deepEqual(nodes.map((n) => n.getAttribute("data-open")), [null, "yes"]);
  assert.equal(document.activeElement, null); // a click leaves the focus where it is
  model.set("panel", {});
  assert.equal(nodes[1].getAttribute("data-open"), "no");
});

test("Enter opens a task and leads into the panel, Escape closes it and leads back", () => {
  const { model, nodes, frame, press } = view({ beside: true });
  press(nodes[1], "x");
  assert.deepEqual(model.sent, []);
  press(nodes[1], "Enter");
  model.set("panel", task());
  assert.equal(document.activeElement.getAttribute("role"), "region");
  press(frame, "Escape");
  assert.deepEqual(model.sent.at(-1), { action: "close" });
  assert.equal(document.activeElement, nodes[1]);
});

test("a view that is made later has its panel open at once; without an inspector nothing opens", () => {
  const { frame } = view({ panel: task(), beside: true });
  assert.ok(frame.querySelectorAll("section").some((s) => !s.hidden));
  const { nodes } = view({ opens: false });
  assert.equal(nodes[0].listeners.click, undefined);
});

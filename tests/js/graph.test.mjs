// Run with: node --test tests/js/*.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";

import { GRAPH, Element, Model, document, load } from "./dom.mjs";

const graph = await load(...GRAPH);

const looks = {
  p: { state: "pending", word: "pending", sign: "○", fill: "#fff", width: "1", dash: "4 3", ink: "#000", edge: "#777" },
  R: { state: "running", word: "running", sign: "▶", fill: "#bbf", width: "2.4", dash: "", ink: "#000", edge: "#777" },
  s: { final: true, state: "succeeded", word: "succeeded", sign: "✓", fill: "#5c7", width: "1", dash: "", ink: "#000", edge: "#777" },
};

function picture(...names) {
  const groups = names.map(
    (name, i) =>
      new Element("g", { "data-task": name, "data-index": String(i), "data-state": "pending" }, [
        new Element("title"),
        new Element("rect", { "data-part": "box", "stroke-dasharray": "4 3" }),
        new Element("text", { "data-part": "sign" }),
      ]),
  );
  return new Element("svg", { viewBox: "0 0 100 50" }, groups.reverse());
}

function view(state, svg = picture("a", "b")) {
  globalThis.DOMParser = class {
    parseFromString() {
      return { documentElement: svg };
    }
  };
  const model = new Model({ svg: "<svg/>", folded: [], opened: {}, panel: {}, token: "t", note: "", looks, counts: "", cancel: "ready", total: {}, clock: [], items: {}, done: 0, sent: 0, ...state });
  const el = new Element("div");
  const end = graph.default.render({ model, el });
  assert.deepEqual(model.sent.splice(0), [{ action: "shown" }]);
  return { model, el, svg, end };
}

test("a diff names what changed, and all of it against nothing", () => {
  assert.deepEqual(graph.diff("ppp", "pRp"), [[1, "R"]]);
  assert.deepEqual(graph.diff("", "ps"), [[0, "p"], [1, "s"]]);
  assert.deepEqual(graph.diff("ps", "ps"), []);
});

test("a tally counts the states that occur, in the order of the looks", () => {
  assert.deepEqual(graph.tally("sspR", {}, looks), [["p", 1], ["R", 1], ["s", 2]]);
});

test("of nodes that stand for several tasks, the tasks are counted", () => {
  assert.deepEqual(graph.tally("Rp", { p: 1200, R: 2 }, looks), [["p", 1200], ["R", 2]]);
  const { el, end } = view({ states: "Rp", total: { p: 1200, R: 2 } });
  const entries = el.querySelectorAll("li").map((e) => e.textContent);
  assert.deepEqual(entries, ["○ 1,200 pending", "▶ 2 running"]);
  end();
});

test("tasks are found by their place in the flow, not by that in the picture", () => {
  const tasks = graph.findTasks(picture("a", "b", "c"));
  assert.deepEqual(tasks.map((t) => t.group.getAttribute("data-task")), ["a", "b", "c"]);
});

test("only tasks that changed are touched", () => {
  const svg = picture("a", "b");
  const tasks = graph.findTasks(svg);
  assert.equal(graph.repaint(tasks, "pp", "pR", looks), 1);
  assert.equal(tasks[0].group.writes, 0);
  const { group, title, box, sign } = tasks[1];
  assert.equal(group.getAttribute("data-state"), "running");
  assert.equal(group.getAttribute("aria-label"), "b: running");
  assert.equal(title.textContent, "b: running");
  assert.equal(box.getAttribute("fill"), "#bbf");
  assert.equal(box.getAttribute("stroke-dasharray"), null);
  assert.equal(sign.textContent, "▶");
});

function tellable(...names) {
  const svg = picture(...names);
  for (const { group } of graph.findTasks(svg)) {
    group.append(
      new Element("g", { "data-part": "name", transform: "translate(0 6)" }),
      new Element("text", { "data-part": "detail" }),
    );
  }
  return svg;
}

test("tasks tell of their items and their time, which goes on while they run", () => {
  const tasks = graph.findTasks(tellable("a", "b", "c"));
  graph.tell(tasks, [1500, 250, -1], { b: "3 of 12" }, 1000, (i) => i === 1);
  assert.deepEqual(tasks.map((t) => t.detail.textContent), ["1.5 s", "3 of 12 · 1.3 s", ""]);
  assert.deepEqual(tasks.map((t) => t.name.getAttribute("transform")), [null, null, "translate(0 6)"]);
});

test("times are short", () => {
  const told = [0.4, 42, 999.4, 999.6, 7060, 9960, 59400, 83000, 3725000].map(graph.shortTime);
  assert.deepEqual(told, ["<1 ms", "42 ms", "999 ms", "1.0 s", "7.1 s", "10 s", "59 s", "1:23", "1:02:05"]);
});

test("an edge is lit while a result waits at its end", () => {
  const svg = picture("a", "b");
  const edge = new Element("g", { "data-source": "a", "data-target": "b" });
  svg.append(edge);
  const edges = graph.findEdges(svg, graph.findTasks(svg));
  const lit = (states) => {
    graph.lightEdges(edges, states, (code) => code === "s");
    return edge.getAttribute("data-lit");
  };
  assert.deepEqual([lit("pp"), lit("sp"), lit("sR"), lit("ss")], [null, "yes", "yes", "no"]);
});

test("times of a view that is made after a reload are as old as the clock is", () => {
  const svg = tellable("a", "b");
  const { end } = view({ states: "sR", clock: [70, 500], items: {}, sent: Date.now() - 60_000 }, svg);
  const [a, b] = graph.findTasks(svg).map((t) => t.detail.textContent);
  assert.equal(a, "70 ms");
  assert.match(b, /^1:0\d$/);
  end();
});

test("a snapshot that does not fit the picture does no harm", () => {
  const tasks = graph.findTasks(picture("a"));
  assert.equal(graph.repaint(tasks, "", "sR?", looks), 1);
});

test("what is no SVG is not shown", () => {
  const Parser = class {
    parseFromString() {
      return { documentElement: new Element("parsererror") };
    }
  };
  assert.equal(graph.readSvg("<b>", document, Parser), null);
  assert.equal(graph.readSvg("", document, Parser), null);
});

test("a view that is made in mid-run shows the states at once", () => {
  const { el, svg } = view({ states: "sR", counts: "1 of 2 tasks done" });
  assert.deepEqual(graph.findTasks(svg).map((t) => t.group.getAttribute("data-state")), ["succeeded", "running"]);
  assert.deepEqual(el.querySelectorAll("li").map((e) => e.textContent), ["▶ 1 running", "✓ 1 succeeded"]);
  assert.equal(el.querySelector("span").textContent, "1 of 2 tasks done");
});

test("a view follows its model until it ends", () => {
  const { model, svg, end } = view({ states: "pp" });
  model.set("states", "sp");
  assert.equal(graph.findTasks(svg)[0].group.getAttribute("data-state"), "succeeded");
  end();
  assert.deepEqual(Object.keys(model.handlers), []);
});

test("a picture is as large as the image that takes its place", () => {
  const svg = picture("a");
  svg.setAttribute("width", "80pt");
  graph.fit(svg);
  assert.deepEqual(svg.style, { width: "80pt", maxWidth: "none" });
});

test("a fan opens when it is clicked, and what is opened can be folded", () => {
  assert.equal(graph.asked("a", ["b"]).action, "open");
  assert.deepEqual(graph.asked("b", ["b"]), { action: "turn", task: "b", item: null, node: true });
  const { model, el, end } = view({ states: "pp", opened: {} });
  const folds = el.querySelectorAll("div").find((e) => e.className === "taskinity-flow-folds");
  assert.equal(folds.hidden, true);
  globalThis.DOMParser = class {
    parseFromString() {
      return { documentElement: picture("b", "c", "d") };
    }
  };
  model.state.opened = { b: "work × 24" };
  model.state.states = "sRp";
  model.set("svg", "<svg>other</svg>");
  const shown = el.querySelectorAll("g").map((g) => [g.getAttribute("data-task"), g.getAttribute("data-state")]);
  assert.deepEqual(shown, [["d", "pending"], ["c", "running"], ["b", "succeeded"]]);
  assert.equal(folds.hidden, false);
  assert.equal(folds.children[0].textContent, "fold work × 24");
  folds.children[0].listeners.click();
  assert.deepEqual(model.sent, [{ action: "turn", task: "b", item: null, node: true }]);
  model.set("svg", ""); // the run has ended
  assert.equal(el.querySelectorAll("g").length, 3);
  end();
});

test("Cancel is sent once, and stays pressed", () => {
  const { model, el } = view({ states: "pp" });
  const button = el.querySelector("button");
  assert.equal(button.dataset.action, "cancel");
  assert.equal(button.disabled, false);
  button.listeners.click();
  assert.deepEqual(model.sent, [{ action: "cancel" }]);
  assert.equal(button.disabled, true);
  model.set("cancel", "asked");
  assert.equal(button.textContent, "Cancelling…");
  assert.equal(view({ states: "pp", cancel: "none" }).el.querySelector("button").hidden, true);
});

test("without a picture there is a note, as text", () => {
  const { el } = view({ svg: "", note: "<b>too large</b>", states: "ps" });
  assert.equal(el.querySelectorAll("svg").length, 0);
  assert.ok([...el.walk()].some((e) => e.textContent === "<b>too large</b>"));
});

test("a box is closed by a click on its name or by a key, and its node gets the focus", () => {
  const svg = picture("A.b", "c");
  const tab = new Element("g", { "data-box": "A" }, [new Element("rect", { "data-part": "box" })]);
  svg.append(tab);
  const { model, end } = view({ states: "pp", opens: true }, svg);
  assert.equal(tab.getAttribute("role"), "button");
  assert.equal(tab.getAttribute("aria-label"), "close A");
  tab.listeners.click();
  const asks = { action: "turn", task: "A", item: null, node: true };
  assert.deepEqual(model.sent.splice(0), [asks]);
  const closed = picture("A", "c");
  globalThis.DOMParser = class {
    parseFromString() {
      return { documentElement: closed };
    }
  };
  model.state.folded = ["A"];
  model.set("svg", "<svg>closed</svg>");
  assert.equal(document.activeElement.getAttribute("data-task"), "A");
  let prevented = false;
  tab.listeners.keydown({ key: "Enter", preventDefault: () => (prevented = true) });
  assert.ok(prevented);
  assert.deepEqual(model.sent.splice(0), [asks]);
  tab.listeners.keydown({ key: "x", preventDefault: () => assert.fail() });
  end();
});

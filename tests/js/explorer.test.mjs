// Run with: node --test tests/js/*.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";

import { Element, Model, load } from "./dom.mjs";

const explorer = await load("explorer/static/explorer.js");

// start, length, row, task, item, state
const bars = Float32Array.from([0, 1, 0, 0, -1, 4, 1, 2, 1, 1, 7, 6, 1, 1, 0, 2, -1, 4]);
const wide = (text) => 10 * [...text].length;

test("bars are read from a part of a buffer, wherever it begins", () => {
  const buffer = new ArrayBuffer(3 + bars.byteLength);
  new Uint8Array(buffer, 3).set(new Uint8Array(bars.buffer));
  assert.deepEqual(explorer.readBars(new DataView(buffer, 3)), bars);
  assert.equal(explorer.readBars(null).length, 0);
  assert.equal(explorer.readBars(new DataView(new ArrayBuffer(0))).length, 0);
});

test("all bars are one path, or those of one state", () => {
  const place = (numbers, i) => ({ x: numbers[i], y: numbers[i + 2], width: numbers[i + 1], height: 1 });
  assert.equal(explorer.pathOf(bars, place, 6), "M1.0 1.0h2.0v1.0h-2.0z");
  assert.equal(explorer.pathOf(bars, place).match(/M/g).length, 3);
  assert.deepEqual(explorer.statesIn(bars), [4, 6]);
});

test("ticks are round and do not go beyond the end", () => {
  assert.deepEqual(explorer.ticksTo(1.37, 3), [0, 0.5, 1]);
  assert.deepEqual(explorer.ticksTo(12, 6), [0, 2, 4, 6, 8, 10, 12]);
  assert.deepEqual(explorer.ticksTo(0, 5), [0]);
});

test("times have one unit in a chart; without seconds, tasks are counted", () => {
  assert.equal(explorer.timeText(0.5, 1.4), "0.5 s");
  assert.equal(explorer.timeText(0.5, 0.9), "500 ms");
  assert.equal(explorer.timeText(12, 12, false), "12");
});

test("a name tells its item, and is cut in the middle", () => {
  assert.equal(explorer.nameOf(bars, 6, ["a", "b", "c"]), "b[7]");
  assert.equal(explorer.nameOf(bars, 0, ["a", "b", "c"]), "a");
  assert.equal(explorer.fitted("step_29", 70, wide), "step_29");
  assert.equal(explorer.fitted("step_29", 50, wide), "st…29");
  assert.equal(explorer.fitted("step_29", 40, wide), "s…29");
  assert.equal(explorer.fitted("step_29", 30, wide), "");
});

test("what the pointer is on", () => {
  assert.equal(explorer.barAt(bars, 1.5, 0), 12);
  assert.equal(explorer.barAt(bars, 1.5, 1), 6);
  assert.equal(explorer.barAt(bars, 3.5, 1), -1);
});

test("the speed-up between two points of the curve", () => {
  const points = [[1, 1], [2, 2], [4, 3]];
  assert.equal(explorer.speedAt(points, 2), 2);
  assert.equal(explorer.speedAt(points, 3), 2.5);
  assert.equal(explorer.speedAt(points, 9), 3);
});

test("a slider gives whole numbers, or as many digits as matter", () => {
  assert.equal(explorer.settle("7.6", true), 8);
  assert.equal(explorer.settle("0.123456", false), 0.123);
});

test("a number of workers is at its own place, or at the nearest one", () => {
  assert.equal(explorer.placeOf([1, 2, 4, 8], 4), 2);
  assert.equal(explorer.placeOf([1, 2, 4, 8], 7), 3);
  assert.equal(explorer.placeOf([1], 64), 0);
});

test("what is predicted from other inputs says so", () => {
  assert.equal(explorer.predictedFor({ for: "" }), "predicted");
  assert.equal(explorer.predictedFor({ for: "n = 4" }), "predicted for n = 4");
});

test("keys are kept from the notebook, but for those with Ctrl", () => {
  const root = new Element("div");
  const heard = {};
  const window = {
    addEventListener: (name, handler, first) => (heard[name] = [handler, first]),
    removeEventListener: (name, handler) => heard[name][0] === handler && delete heard[name],
  };
  root.ownerDocument = { defaultView: window };
  const [slider, elsewhere] = [new Element("input"), new Element("input")];
  root.contains = (one) => one === slider;
  const letGo = explorer.keepKeys(root);
  const suppressed = (one) => one.getAttribute("data-lm-suppress-shortcuts");
  const [handler, isFirst] = heard.keydown;
  assert.equal(isFirst, true); // before the notebook looks
  handler({ key: "ArrowUp", target: slider });
  assert.equal(suppressed(slider), "true");
  handler({ key: "s", ctrlKey: true, target: slider });
  assert.equal(suppressed(slider), null);
  handler({ key: "ArrowUp", target: elsewhere });
  assert.equal(suppressed(elsewhere), null);
  letGo();
  assert.deepEqual(heard, {});
});

test("one message at a time, and of those that wait only the last", () => {
  const sent = [];
  let clock = 0;
  const messages = explorer.latest((content) => sent.push(content), 1000, () => clock);
  for (const workers of [1, 2, 3]) messages.ask({ workers });
  assert.deepEqual(sent, [{ workers: 1, number: 1 }]);
  assert.equal(messages.isIdle, false);
  messages.answered(7); // of another view, or of long ago
  assert.equal(sent.length, 1);
  messages.answered(1);
  assert.deepEqual(sent.at(-1), { workers: 3, number: 2 });
  messages.answered(2);
  assert.equal(messages.isIdle, true);
  messages.ask({ workers: 4 });
  clock = 2000; // a message that was lost holds up nothing for long
  messages.ask({ workers: 5 });
  assert.deepEqual(sent.at(-1), { workers: 5, number: 4 });
  messages.ask({ workers: 6 });
  messages.flush();
  assert.deepEqual(sent.at(-1), { workers: 6, number: 5 });
  messages.answered(5);
  messages.flush(); // nothing waits any more
  assert.equal(sent.length, 5);
});

/** The model of an explorer of two inputs, and the view that is made of it. */
function shown() {
  globalThis.ResizeObserver = class {
    observe() {}
    disconnect() {}
  };
  const state = { word: "succeeded", sign: "✓", fill: "#fff" };
  const model = new Model({
    title: "Flow", names: ["a"], executors: ["threads"], most: 8, steps: [1, 2, 3, 4, 6, 8], looks: { ink: "#000", edge: "#777", states: [state] },
    sliders: [{ name: "rate", value: 0.123456, least: 0, most: 0.5, whole: false }, { name: "n", value: 4, least: 0, most: 10, whole: true }],
    settings: { workers: 2, counts: 2, executor: "threads", values: [0.123456, 4] }, answered: {}, predicted: null, measured: null,
    shown: { makespan: 1, measured: null, rows: 1, seconds: true, speed: 1, told: "So it is.", memory: "peak 1 GB", for: "" },
    curve: { points: [[1, 1], [8, 2]], knee: null, measured: [] }, going: "no", status: "", problem: "", picture: "no",
  });
  const el = new Element("div");
  explorer.default.render({ model, el });
  const input = (name) => el.querySelectorAll("input").find((one) => one.getAttribute("data-set") === name);
  const slide = (name, value) => {
    input(name).value = value;
    input(name).listeners.input();
  };
  return { model, el, input, slide };
}

test("an input is sent exactly as it was given, until its own slider is moved", () => {
  const { model, input, slide } = shown();
  const move = (name, value) => {
    slide(name, value);
    const { number, view, values } = model.sent.at(-1);
    model.state.answered = { view, number };
    model.state.settings = { ...model.state.settings, values };
    model.handlers["change:answered"]();
    return new Promise((done) => setTimeout(done)).then(() => values);
  };
  assert.equal(input("workers").value, 1); // the place of 2
  return move("workers", "3")
    .then((values) => assert.equal(model.sent.at(-1).workers, 4) ?? values)
    .then((values) => assert.deepEqual(values, [0.123456, 4]))
    .then(() => move("n", "5"))
    .then((values) => assert.deepEqual(values, [0.123456, 5]))
    .then(() => move("rate", "0.23456"))
    .then((values) => assert.deepEqual(values, [0.235, 5]));
});

test("a run goes by what was set last, also while an earlier setting is not answered", () => {
  const { model, el, slide } = shown();
  slide("n", "5");
  slide("n", "6");
  slide("n", "7");
  assert.deepEqual(model.sent.map(({ values }) => values[1]), [5]);
  el.querySelectorAll("button").find((one) => one.dataset.action === "run").listeners.click();
  assert.deepEqual(model.sent.map(({ action, values }) => [action, values?.[1]]), [["set", 5], ["set", 7], ["run", undefined]]);
});

test("below the slider stands how much memory tasks take at once, where that is known", () => {
  const { model, el, input } = shown();
  const line = el.querySelectorAll("p").find((one) => one.className === "memory");
  assert.equal(line.textContent, "peak 1 GB");
  assert.equal(line.hidden, false);
  assert.match(input("workers").getAttribute("aria-valuetext"), /So it is\. Memory: peak 1 GB\.$/);
  model.state.shown = { ...model.state.shown, memory: "" };
  model.handlers["change:shown"]();
  return new Promise((done) => setTimeout(done)).then(() => assert.equal(line.hidden, true));
});

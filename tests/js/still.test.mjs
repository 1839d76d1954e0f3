// Run with: node --test tests/js/*.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";

import { Element, GRAPH, load } from "./dom.mjs";

const { compareBy, nodeAt, nodesOf, placeFor, sourceOf, tokenOf } = await load(...GRAPH);

const TEXT = '<svg data-run="ab12" viewBox="0 0 10 10"><text>✓</text></svg>';

test("a picture is read from its address, however that is written", () => {
  assert.equal(sourceOf(`data:image/svg+xml,${encodeURIComponent(TEXT)}`), TEXT);
  assert.equal(sourceOf(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(TEXT)}`), TEXT);
  assert.equal(sourceOf(`data:image/svg+xml;base64,${Buffer.from(TEXT).toString("base64")}`), TEXT);
  for (const other of ["", "data:image/png;base64,AAAA", "https:x.svg", "data:image/svg+xml,%E0%A4%A"]) assert.equal(sourceOf(other), "");
});

test("the token is that of the picture itself", () => {
  assert.equal(tokenOf(TEXT), "ab12");
  assert.equal(tokenOf(`<?xml version="1.0"?>${TEXT}`), "ab12");
  assert.equal(tokenOf('<svg width="1"><g data-run="ab12"/></svg>'), "");
  assert.equal(tokenOf('<svg width="1" data-run="cd34" height="2"/>'), "cd34");
});

function picture() {
  const box = (x, y) => new Element("rect", { "data-part": "box", x: String(x), y: String(y), width: "20", height: "10" });
  const groups = [["a", 0, -40], ["b", 50, -40]].map(
    ([task, x, y]) => new Element("g", { "data-task": task, "aria-label": `${task}: failed` }, [box(x, y)]),
  );
  const moved = new Element("g", { transform: "translate(4 44)" }, groups);
  for (const group of groups) {
    group.parentNode = moved;
    group.children[0].parentNode = group;
  }
  return new Element("svg", { viewBox: "0 0 100 50", "aria-label": "Flow X: 2 tasks" }, [moved]);
}

test("a click finds the node, at whatever size the picture is shown", () => {
  const map = nodesOf(picture());
  assert.deepEqual(map.nodes.map(({ task, x, y }) => [task, x, y]), [["a", 4, 4], ["b", 54, 4]]);
  const frame = { left: 10, top: 100, width: 200, height: 100 };
  const node = nodeAt(map, frame, 10 + 2 * 60, 100 + 2 * 6);
  assert.equal(node.task, "b");
  assert.deepEqual(node.rect, { left: 118, right: 158, top: 108, bottom: 128 });
  assert.equal(nodeAt(map, frame, 10 + 2 * 40, 100 + 2 * 6), null);
});

test("the name of a box closes it, and a closed one is opened", () => {
  const svg = picture();
  const [moved] = svg.children;
  moved.children[1].setAttribute("data-closed", "yes");
  const box = new Element("rect", { "data-part": "box", x: "0", y: "-20", width: "20", height: "10" });
  const tab = new Element("g", { "data-box": "Prep" }, [box]);
  box.parentNode = tab;
  tab.parentNode = moved;
  moved.append(tab);
  const what = nodesOf(svg).nodes.map(({ task, told, closes, opens }) => [task, told, closes, opens]);
  assert.deepEqual(what, [["Prep", "Prep", true, false], ["a", "a: failed", false, false], ["b", "b: failed", false, true]]);
});

test("a panel lies beside the picture where there is room", () => {
  const node = { left: 50, right: 120, top: 300, bottom: 330 };
  const view = { width: 1400, height: 900 };
  assert.deepEqual(placeFor(node, { right: 600 }, view), { left: 610, width: 560, near: 300 });
  assert.deepEqual(placeFor(node, { right: 1000 }, view), { left: 1010, width: 380, near: 300 });
});

test("a panel leaves the node to be seen, and stays in the window", () => {
  const view = { width: 460, height: 800 };
  for (const top of [0, 200, 500, 760]) {
    const node = { left: 300, right: 400, top, bottom: top + 30 };
    const place = placeFor(node, { right: 440 }, view);
    assert.ok(place.left >= 0 && place.left + place.width <= view.width);
    if (place.end === undefined) assert.ok(place.near > node.bottom);
    else assert.ok(view.height - place.end < node.top);
  }
  const low = placeFor({ left: 10, right: 90, top: 100, bottom: 130 }, { right: 900 }, { width: 900, height: 240 });
  assert.ok(low.left >= 90); // neither above nor below is room
});

test("rows come as they are sent until a column is chosen", () => {
  const rows = [[5, "f"], [0, "a"], [1, "b"]];
  assert.deepEqual([...rows].sort(compareBy(0, false)), rows);
});

// The inspector's panel. It follows graph.js in one module. All texts are set as text; what an object
// made of itself as HTML is shown in a frame in which nothing can run or be loaded.

const HEADS = ["", "state", "took", "worker", "error"];
const TALLEST = 320;

/** How to order two rows of a list by a column, or as they come; what has no value comes last. */
export function compareBy(column, descending) {
  if (!column) return () => 0;
  const value = (row) => (column === 1 ? row[0] : row[column]);
  return (a, b) => {
    const [x, y] = [value(a), value(b)];
    const missing = (v) => v === null || v === "";
    if (missing(x) || missing(y)) return missing(x) - missing(y) || a[0] - b[0];
    const order = typeof x === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
    return (descending ? -order : order) || a[0] - b[0];
  };
}

/** The page around HTML: it may have styles and pictures of its own, and nothing else. */
export function pageOf(html, colour, scheme) {
  const rules =
    `html{color-scheme:${scheme}}body{color:${colour};font:12px/1.4 system-ui,sans-serif;margin:2px}` +
    "table{border-collapse:collapse}th,td{border:1px solid #7a7a7a;padding:2px 8px;text-align:right}";
  const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><style>${rules}</style>${html}`;
}

/** How high a frame is that shows HTML; it cannot be asked, so its rows are counted. */
export function heightOf(html) {
  const count = (pattern) => (html.match(pattern) ?? []).length;
  const rows = count(/<tr\b/gi) || 1 + count(/<(p|li|br|div|h\d)\b/gi);
  return Math.min(TALLEST, 26 + 23 * rows);
}

function showPreview(parent, preview, name) {
  const document = parent.ownerDocument;
  if (preview.kind === "image") {
    const image = element(document, "img", "", parent);
    image.src = preview.data;
    image.alt = `${name}: ${preview.type}`;
  } else if (preview.kind === "html") {
    const style = document.defaultView?.getComputedStyle(parent);
    const frame = element(document, "iframe", "", parent);
    frame.setAttribute("sandbox", "");
    frame.setAttribute("title", `${name}: ${preview.type}`);
    frame.style.height = `${heightOf(preview.data)}px`;
    frame.srcdoc = pageOf(preview.data, style?.color ?? "#1a1a1a", style?.colorScheme ?? "normal");
  } else if (preview.kind === "text") {
    code(parent, preview.data, name);
  } else {
    const line = element(document, "p", "taskinity-flow-aside", parent);
    line.dataset.kind = preview.kind;
    line.textContent = preview.kind === "waiting" ? "…" : preview.data;
  }
}

/** A text as it is, that scrolls where it is long. */
function code(parent, text, name) {
  const block = element(parent.ownerDocument, "pre", "", parent);
  block.textContent = text;
  block.setAttribute("tabindex", "0"); // so that the keyboard can scroll it
  block.setAttribute("role", "group");
  block.setAttribute("aria-label", name);
  return block;
}

function showFacts(parent, { facts, note }) {
  const list = element(parent.ownerDocument, "dl", "", parent);
  for (const [word, what] of facts) {
    element(parent.ownerDocument, "dt", "", list).textContent = word;
    element(parent.ownerDocument, "dd", "", list).textContent = what;
  }
  if (note) element(parent.ownerDocument, "p", "taskinity-flow-aside", parent).textContent = note;
}

function showArguments(parent, list) {
  for (const { name, source, preview } of list) {
    const line = element(parent.ownerDocument, "div", "taskinity-flow-argument", parent);
    element(parent.ownerDocument, "code", "", line).textContent = name;
    const told = preview.type ? `${preview.type}, ${source}` : source;
    element(parent.ownerDocument, "span", "taskinity-flow-aside", line).textContent = told;
    showPreview(parent, preview, name);
  }
}

/**
 * A list of items, or of tasks, that can be sorted by each of its columns. Returns what shows it
 * anew: a row that is there stays, since who presses its button does so while the run goes on.
 */
function addRows(parent, { looks, order, onOpen }) {
  const document = parent.ownerDocument;
  const frame = element(document, "div", "taskinity-flow-rows", parent);
  const table = element(document, "table", "", frame);
  const head = element(document, "tr", "", element(document, "thead", "", table));
  const body = element(document, "tbody", "", table);
  const aside = element(document, "p", "taskinity-flow-aside", parent);
  const lines = new Map();
  let list = null;
  const heads = HEADS.map((_, i) => {
    const cell = element(document, "th", "", head);
    const button = element(document, "button", "", cell);
    button.type = "button";
    button.addEventListener("click", () => {
      order.descending = order.column === i + 1 && !order.descending;
      order.column = i + 1;
      fill();
    });
    return { cell, button };
  });
  const addLine = () => {
    const line = { node: document.createElement("tr"), row: null };
    line.button = element(document, "button", "", element(document, "td", "", line.node));
    line.button.type = "button";
    line.button.addEventListener("click", () => onOpen(line.row));
    line.cells = HEADS.slice(1).map(() => element(document, "td", "", line.node));
    return line;
  };
  const write = (line, row) => {
    const before = line.row;
    line.row = row;
    if (JSON.stringify(before) === JSON.stringify(row)) return line.node;
    const [, name, state, ms, worker, error] = row;
    const [chip, ...cells] = line.cells;
    line.button.textContent = name;
    line.button.setAttribute("aria-label", `${list.what} ${name}: ${looks[state].word}`);
    chip.replaceChildren();
    showState(chip, looks[state]);
    const told = [ms === null ? "" : shortTime(ms), worker, error];
    cells.forEach((cell, i) => (cell.textContent = told[i]));
    return line.node;
  };
  const fill = () => {
    const nodes = [...list.rows].sort(compareBy(order.column, order.descending)).map((row) => {
      if (!lines.has(row[0])) lines.set(row[0], addLine());
      return write(lines.get(row[0]), row);
    });
    if (nodes.length !== body.children.length || nodes.some((node, i) => node !== body.children[i])) body.replaceChildren(...nodes);
    heads.forEach(({ cell, button }, i) => {
      const by = order.column === i + 1;
      cell.setAttribute("aria-sort", by ? (order.descending ? "descending" : "ascending") : "none");
      button.textContent = HEADS[i] || list.what;
    });
    aside.textContent = list.note;
    aside.hidden = !list.note;
  };
  return (told) => {
    list = told;
    fill();
  };
}

function showState(parent, look) {
  const chip = element(parent.ownerDocument, "span", "taskinity-flow-state", parent);
  chip.textContent = `${look.sign} ${look.word}`;
  chip.style.background = look.fill;
  chip.style.color = look.ink;
  return chip;
}

/**
 * A panel in `frame`, whose title is a heading of this level; `send` tells the kernel what to open.
 * Returns what shows the facts.
 */
export function addPanel(frame, looks, send, onClose, level = 3) {
  const document = frame.ownerDocument;
  const panel = element(document, "section", "taskinity-flow-panel", frame);
  panel.setAttribute("role", "region");
  panel.setAttribute("tabindex", "-1");
  const parts = new Map();
  let of = null;
  let orders = {};
  const open = (task, item = null) => send({ action: "open", task, item });
  const listOf = (node) => (node ? { action: "open", task: node, item: null, node: true } : { action: "list", task: "" });

  /**
   * Show a part anew if what it tells has changed: frames stay, and what was scrolled. Of the `same`
   * list, what `fill` has returned shows what has changed in it.
   */
  const part = (key, title, told, fill, same = null) => {
    const text = JSON.stringify(told ?? null);
    let known = parts.get(key);
    if (!known) {
      known = { node: element(document, "div", "taskinity-flow-part", panel), text: "null" };
      known.node.dataset.part = key;
      known.node.hidden = true;
      parts.set(key, known);
    }
    if (known.text === text) return;
    known.text = text;
    known.node.hidden = text === "null";
    if (same && known.same === same && text !== "null") return known.show(told);
    known.node.replaceChildren();
    known.same = null;
    if (known.node.hidden) return;
    if (title) element(document, `h${level + 1}`, "taskinity-flow-heading", known.node).textContent = title;
    const show = fill(known.node);
    if (same) Object.assign(known, { same, show }).show(told);
  };
  const button = (parent, text, label, onClick) => {
    const made = element(document, "button", "", parent);
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", onClick);
    return made;
  };
  const text = (key, title, told) => part(key, title, told || null, (node) => code(node, told, title));

  return (facts) => {
    const { name, task, item, state, error, items, result, title, back } = facts;
    panel.hidden = !name && !items && !frame.dataset.beside;
    panel.setAttribute("aria-label", name ? `Task ${name}` : title ? `Tasks: ${title}` : "Inspector");
    if (of !== (name ?? title)) {
      of = name ?? title;
      orders = { column: 0, descending: false };
      panel.scrollTop = 0;
    }
    part("hint", "", name || items ? null : "hint", (node) => {
      const told = "Click a task, or press Enter on it, to see what it was given, did and returned.";
      element(document, "p", "taskinity-flow-aside", node).textContent = told;
    });
    part("head", "", name || title ? [name, state, title, back] : null, (node) => {
      const bar = element(document, "div", "taskinity-flow-head", node);
      element(document, `h${level}`, "taskinity-flow-title", bar).textContent = name ?? title;
      if (name) showState(bar, looks[state]).dataset.part = "state";
      if (back) button(bar, `← ${back[0]}`, `back to ${back[0]}`, () => send(listOf(back[1])));
      if (name && item !== null) button(bar, "all items", "show all items", () => open(task));
      button(bar, "×", "close", () => onClose()).dataset.action = "close";
    });
    part("facts", "", name ? [facts.facts, facts.note] : null, (node) => showFacts(node, facts));
    text("error", "Error", error);
    const addItems = (node) => {
      const onOpen = (row) => (name ? open(task, row[0]) : open(row[1]));
      return addRows(node, { looks, order: orders, onOpen });
    };
    part("items", name ? "Items" : title ? "" : "Tasks", items, addItems, orders);
    const kind = result?.type ? `Result: ${result.type}` : "Result";
    part("result", kind, result, (node) => showPreview(node, result, "Result"));
    const given = facts.arguments?.length ? facts.arguments : null;
    part("arguments", "Arguments", given, (node) => showArguments(node, given));
    text("stdout", "Printed", facts.stdout);
    text("stderr", "Printed to stderr", facts.stderr);
    text("source", "Source", facts.source);
    return panel;
  };
}

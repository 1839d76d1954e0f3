// The inspector's panel. It follows graph.js in one module. All texts are set as text; what an object
// made of itself as HTML is shown in a frame in which nothing can run or be loaded.

const HEADS = ["", "state", "took", "worker", "error"];
const TALLEST = 320;

/** How to order two rows of a list by a column; what has no value comes last. */
export function compareBy(column, descending) {
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

/** A list of items, or of tasks, that can be sorted by each of its columns. */
function showRows(parent, { rows, note, what }, { looks, order, onOpen }) {
  const document = parent.ownerDocument;
  const frame = element(document, "div", "taskinity-flow-rows", parent);
  const table = element(document, "table", "", frame);
  const head = element(document, "tr", "", element(document, "thead", "", table));
  const body = element(document, "tbody", "", table);
  const heads = HEADS.map((text, i) => {
    const cell = element(document, "th", "", head);
    const button = element(document, "button", "", cell);
    button.type = "button";
    button.textContent = text || what;
    button.addEventListener("click", () => {
      order.descending = order.column === i + 1 && !order.descending;
      order.column = i + 1;
      fill();
    });
    return cell;
  });
  const line = (row) => {
    const [, name, state, ms, worker, error] = row;
    const look = looks[state];
    const made = document.createElement("tr");
    const button = element(document, "button", "", element(document, "td", "", made));
    button.type = "button";
    button.textContent = name;
    button.setAttribute("aria-label", `${what} ${name}: ${look.word}`);
    button.addEventListener("click", () => onOpen(row));
    const chip = element(document, "td", "", made);
    showState(chip, look);
    const told = [ms === null ? "" : shortTime(ms), worker, error];
    for (const text of told) element(document, "td", "", made).textContent = text;
    return made;
  };
  const fill = () => {
    const sorted = [...rows].sort(compareBy(order.column, order.descending));
    body.replaceChildren(...sorted.map(line));
    heads.forEach((cell, i) => {
      const by = order.column === i + 1;
      cell.setAttribute("aria-sort", by ? (order.descending ? "descending" : "ascending") : "none");
    });
  };
  fill();
  if (note) element(document, "p", "taskinity-flow-aside", parent).textContent = note;
}

function showState(parent, look) {
  const chip = element(parent.ownerDocument, "span", "taskinity-flow-state", parent);
  chip.textContent = `${look.sign} ${look.word}`;
  chip.style.background = look.fill;
  chip.style.color = look.ink;
  return chip;
}

/** A panel in `frame`; `send` tells the kernel what to open. Returns what shows the facts. */
export function addPanel(frame, looks, send, onClose) {
  const document = frame.ownerDocument;
  const panel = element(document, "section", "taskinity-flow-panel", frame);
  panel.setAttribute("role", "region");
  panel.setAttribute("tabindex", "-1");
  const parts = new Map();
  let of = null;
  let orders = {};
  const open = (task, item = null) => send({ action: "open", task, item });

  /** Show a part anew if what it tells has changed: frames stay, and what was scrolled. */
  const part = (key, title, told, fill) => {
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
    known.node.replaceChildren();
    if (known.node.hidden) return;
    if (title) element(document, "h4", "", known.node).textContent = title;
    fill(known.node);
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
    const { name, task, item, state, error, items, result } = facts;
    panel.hidden = !name && !items && !frame.dataset.beside;
    panel.setAttribute("aria-label", name ? `Task ${name}` : "Inspector");
    if (of !== name) {
      of = name;
      orders = { column: 1, descending: false };
      panel.scrollTop = 0;
    }
    part("hint", "", name || items ? null : "hint", (node) => {
      const told = "Click a task, or press Enter on it, to see what it was given, did and returned.";
      element(document, "p", "taskinity-flow-aside", node).textContent = told;
    });
    part("head", "", name ? [name, state] : null, (node) => {
      const bar = element(document, "div", "taskinity-flow-head", node);
      element(document, "h3", "", bar).textContent = name;
      showState(bar, looks[state]).dataset.part = "state";
      if (item !== null) button(bar, "all items", "show all items", () => open(task));
      button(bar, "×", "close", () => onClose()).dataset.action = "close";
    });
    part("facts", "", name ? [facts.facts, facts.note] : null, (node) => showFacts(node, facts));
    text("error", "Error", error);
    const list = items && { rows: items.rows, note: items.note, what: items.what };
    part("items", name ? "Items" : "Tasks", list, (node) => {
      const onOpen = (row) => (name ? open(task, row[0]) : open(row[1]));
      showRows(node, items, { looks, order: orders, onOpen });
    });
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

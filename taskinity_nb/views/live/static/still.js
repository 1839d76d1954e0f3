// The picture that stays when a run has ended answers clicks too, as long as its kernel is there. In
// JupyterLab it is an `<img>` that has no nodes, so where they are is read from its source. The picture
// bears the token of its model; a page has one set of listeners, however many models there are.

const REGISTRY = Symbol.for("taskinity-flow pictures");
const PICTURE = /^data:image\/svg\+xml/;

/** The text of a picture that is shown by its address; empty if it is none. */
export function sourceOf(address) {
  if (!PICTURE.test(address)) return "";
  const comma = address.indexOf(",");
  const data = address.slice(comma + 1);
  try {
    if (!address.slice(0, comma).endsWith(";base64")) return decodeURIComponent(data);
    return new TextDecoder().decode(Uint8Array.from(atob(data), (byte) => byte.charCodeAt(0)));
  } catch {
    return ""; // somebody else's picture
  }
}

/** The token that a picture bears; empty if it bears none. */
export function tokenOf(text) {
  return /^(?:<[?!][^>]*>|\s)*<svg\b[^>]*? data-run="(\w+)"/.exec(text)?.[1] ?? "";
}

/**
 * Where the nodes of a picture are: `{width, height, label, nodes: [{task, told, x, y, width, height}]}`.
 * The name of a box is one too, which a click `closes`, and a closed box is one that it opens.
 */
export function nodesOf(svg) {
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const groups = [...svg.querySelectorAll("g[data-box]"), ...svg.querySelectorAll("g[data-task]")];
  const nodes = groups.map((group) => {
    const box = group.querySelector('[data-part="box"]');
    const [x, y, wide, high] = ["x", "y", "width", "height"].map((name) => Number(box.getAttribute(name)));
    const [left, top] = offsetOf(box);
    const name = group.getAttribute("data-box");
    return {
      task: name ?? group.getAttribute("data-task"), told: name ?? group.getAttribute("aria-label"),
      closes: name !== null, opens: group.getAttribute("data-closed") !== null,
      x: x + left, y: y + top, width: wide, height: high,
    };
  });
  return { width, height, label: svg.getAttribute("aria-label"), nodes };
}

/** How far an element is moved by the groups that it is in. */
function offsetOf(box) {
  const offset = [0, 0];
  for (let group = box.parentNode; group?.getAttribute; group = group.parentNode) {
    const found = /translate\(\s*([-\d.]+)[\s,]*([-\d.]+)?/.exec(group.getAttribute("transform") ?? "");
    if (!found) continue;
    offset[0] += Number(found[1]);
    offset[1] += Number(found[2] ?? 0);
  }
  return offset;
}

/** The node at a place of a window where the picture has `frame`, with the room that it has there. */
export function nodeAt(map, frame, x, y) {
  const [wide, high] = [frame.width / map.width, frame.height / map.height];
  const [left, top] = [(x - frame.left) / wide, (y - frame.top) / high];
  const node = map.nodes.find((n) => left >= n.x && left <= n.x + n.width && top >= n.y && top <= n.y + n.height);
  if (!node) return null;
  const rect = {
    left: frame.left + node.x * wide, right: frame.left + (node.x + node.width) * wide,
    top: frame.top + node.y * high, bottom: frame.top + (node.y + node.height) * high,
  };
  return { ...node, rect };
}

/** What is known of the pictures of a page: their tokens, where their nodes are, and who answers. */
class Pictures {
  constructor(document) {
    this.document = document;
    this.answers = new Map(); // by token
    this.known = new WeakMap(); // of each picture: its address, its token, and where its nodes are
    document.addEventListener("load", ({ target }) => this.meet(target), true);
    document.addEventListener("click", (event) => this.onClick(event), true);
    document.addEventListener("pointermove", (event) => this.onMove(event), true);
    document.addEventListener("keydown", (event) => this.onKey(event), true);
  }

  /** Look at what may be a picture of a run; return what is known of it if somebody answers. */
  meet(image) {
    const isImage = image?.nodeName === "IMG";
    const address = isImage ? image.src : "";
    const isSvg = image?.nodeName === "svg" && image.hasAttribute("data-run");
    if (!isSvg && !PICTURE.test(address)) return null;
    let known = this.known.get(image);
    if (!known || known.address !== address) {
      const text = isSvg ? "" : sourceOf(address);
      known = { address, text, token: isSvg ? image.getAttribute("data-run") : tokenOf(text), map: null };
      this.known.set(image, known);
    }
    const answer = this.answers.get(known.token);
    if (!answer) {
      if (known.map) this.leave(image, known);
      return null;
    }
    const drawn = answer.drawn();
    if (drawn && drawn !== known.drawn) return this.meet(this.renew(image, known, drawn));
    if (!known.map) {
      const svg = isSvg ? image : readSvg(known.text, this.document);
      known.text = "";
      if (!svg) return null;
      known.map = nodesOf(svg);
      this.invite(image, known.map);
      answer.met(image);
    }
    return { ...known, answer };
  }

  /** Show what was drawn anew in place of a picture; return what shows it. */
  renew(image, { token }, drawn) {
    const svg = image.nodeName === "svg" ? readSvg(drawn, this.document) : null;
    if (svg) image.replaceWith(svg);
    else image.src = `data:image/svg+xml,${encodeURIComponent(drawn)}`;
    const shown = svg ?? image;
    this.known.set(shown, { address: svg ? "" : image.src, text: svg ? "" : drawn, token, map: null, drawn });
    return shown;
  }

  /** Let the keyboard reach a picture, and say what it is. */
  invite(image, { label }) {
    image.setAttribute("tabindex", "0");
    image.setAttribute("role", "button");
    image.setAttribute("aria-label", `${label}; press Enter for a list of the tasks, or click one`);
  }

  /** Make a picture a mere picture again. */
  leave(image, known) {
    this.known.delete(image);
    for (const name of ["tabindex", "role", "aria-label", "title"]) image.removeAttribute(name);
    image.style.cursor = "";
  }

  lookAround() {
    for (const image of this.document.querySelectorAll("img, svg[data-run]")) this.meet(image);
  }

  pictureAt({ target }) {
    const image = target?.nodeName === "IMG" ? target : target?.closest?.("svg[data-run]");
    const known = image && this.meet(image);
    return known ? { image, ...known } : null;
  }

  onClick(event) {
    const found = this.pictureAt(event);
    const node = found && nodeAt(found.map, found.image.getBoundingClientRect(), event.clientX, event.clientY);
    if (!node) return;
    if (node.closes) return found.answer.shut(node.task);
    const what = node.opens ? { action: "turn", close: false } : { action: "open" }; // if it cannot be opened, it is listed
    found.answer.open({ ...what, task: node.task, item: null, node: true }, found.image, node.rect);
  }

  onMove(event) {
    const found = this.pictureAt(event);
    if (!found) return;
    const node = nodeAt(found.map, found.image.getBoundingClientRect(), event.clientX, event.clientY);
    found.image.style.cursor = node ? "pointer" : "";
    const what = node?.closes ? "click to close it" : node?.opens ? "click to open it" : "click for more";
    if (node) found.image.setAttribute("title", `${node.told}; ${what}`);
    else found.image.removeAttribute("title");
  }

  onKey(event) {
    const found = this.pictureAt(event);
    if (!found) return;
    if (event.key === "Escape" && found.answer.close()) event.stopPropagation();
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    found.answer.open({ action: "list", task: "" }, found.image, found.image.getBoundingClientRect());
  }
}

/** The pictures of a page, which all models know. */
function picturesOf(document) {
  document[REGISTRY] ??= new Pictures(document);
  return document[REGISTRY];
}

/** Let a model answer clicks on the pictures that bear its token; return what ends that. */
function answerClicks(model, document) {
  const pictures = picturesOf(document);
  const overlay = overlayOf(model, document);
  const token = model.get("token");
  const answer = {
    met: (image) => overlay.moveTo(image),
    close: () => overlay.close(),
    drawn: () => model.get("still"),
    shut: (task) => model.send({ action: "turn", task, close: true, item: null, node: true }),
    open: (message, picture, node) => overlay.open(message, { picture, node, focus: picture }),
  };
  const begin = () => {
    pictures.answers.set(token, answer);
    pictures.lookAround();
  };
  const end = () => {
    if (pictures.answers.get(token) !== answer) return;
    pictures.answers.delete(token);
    pictures.lookAround();
  };
  // A kernel that was restarted knows nothing of the model; one that was lost may come back.
  const onComm = () => {
    end();
    overlay.vanish();
    try {
      model.send({ action: "here" });
    } catch {
      // nobody is there to ask
    }
  };
  const onMessage = (message) => message?.here && begin();
  const onStill = () => pictures.lookAround();
  model.on("change:still", onStill);
  model.on("comm_live_update", onComm);
  model.on("msg:custom", onMessage);
  begin();
  return () => {
    model.off("change:still", onStill);
    model.off("comm_live_update", onComm);
    model.off("msg:custom", onMessage);
    end();
  };
}

function initialize({ model }) {
  const document = globalThis.document;
  if (!document || model.get("beside")) return () => {};
  const end = answerClicks(model, document);
  return () => {
    end();
    dropOverlay(model);
  };
}

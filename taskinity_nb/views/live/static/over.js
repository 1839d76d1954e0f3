// The panel that lies over the page, beside what was clicked. It belongs to the model, not to a view:
// it stays when the live graph gives way to the picture of how the run ended.

const WIDEST = 560;
const LEAST_BESIDE = 340;
const LEAST_HIGH = 260;
const GAP = 10;

/** Milliseconds that a panel waits for the picture which replaces the one that has gone. */
const PATIENCE = 1500;

/**
 * Where a panel goes in a window, so that neither the node that was clicked nor the picture is hidden
 * if there is room: beside the picture, else below the node or above it, else beside the node.
 */
export function placeFor(node, picture, { width, height }) {
  const within = (value, most) => Math.max(GAP, Math.min(value, most));
  const wide = Math.min(WIDEST, width - 2 * GAP);
  const beside = width - picture.right - 2 * GAP;
  if (beside >= LEAST_BESIDE) return { left: picture.right + GAP, width: Math.min(wide, beside), near: node.top };
  const [above, below] = [node.top, height - node.bottom].map((room) => room - 2 * GAP);
  const left = within(node.left, width - wide - GAP);
  if (below >= LEAST_HIGH && below >= above) return { left, width: wide, near: node.bottom + GAP, high: below };
  if (above >= LEAST_HIGH) return { left, width: wide, end: height - node.top + GAP, high: above };
  const right = node.right + GAP + wide <= width ? node.right + GAP : node.left - GAP - wide;
  return { left: within(right, width - wide - GAP), width: wide, near: node.top };
}

/** Put the panel's frame to its place; it may be as high as its content, as far as there is room. */
function putAt(frame, place, view) {
  const most = Math.min(place.high ?? view.height, view.height * 0.8, view.height - 2 * GAP);
  const set = { left: `${place.left}px`, width: `${place.width}px`, maxHeight: `${most}px`, top: "auto", bottom: "auto" };
  if (place.end !== undefined) set.bottom = `${Math.max(GAP, place.end)}px`;
  else {
    const high = Math.min(frame.getBoundingClientRect().height, most);
    set.top = `${Math.max(GAP, Math.min(place.near, view.height - high - GAP))}px`;
  }
  Object.assign(frame.style, set);
}

const overlays = new Map();

/** The overlay of a model's run, whoever asks for it first. */
export function overlayOf(model, document) {
  const token = model.get("token");
  if (!overlays.has(token)) overlays.set(token, addOverlay(model, document));
  return overlays.get(token);
}

/** Forget the overlay of a model that was closed. */
export function dropOverlay(model) {
  overlays.get(model.get("token"))?.remove();
  overlays.delete(model.get("token"));
}

function addOverlay(model, document) {
  let frame = null; // made when it is first needed
  let show = null;
  let at = null; // the picture, what was clicked in it, and who gets the focus back
  let wanted = false; // whether what comes next is what was asked for here
  let place = null;
  const window = document.defaultView;
  const view = () => ({ width: window.innerWidth, height: window.innerHeight });
  const hide = () => {
    if (frame) frame.hidden = true;
  };
  const close = () => {
    hide();
    model.send({ action: "close" });
    at?.focus?.focus({ preventScroll: true });
    at = null;
  };
  const ask = (message) => {
    wanted = true; // the button that was pressed goes
    model.send(message);
  };
  const make = () => {
    frame = element(document, "div", "taskinity-flow taskinity-flow-over", document.body);
    frame.setAttribute("data-lm-suppress-shortcuts", "true");
    frame.hidden = true;
    show = addPanel(frame, model.get("looks"), ask, close, 2); // it belongs to no part of the page
    frame.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
    });
    window.addEventListener("resize", settle);
    if (window.ResizeObserver) new window.ResizeObserver(settle).observe(frame); // as it is laid out
  };
  const settle = () => {
    if (frame && !frame.hidden && at && place) putAt(frame, place, view());
  };
  const watcher = window?.IntersectionObserver && new window.IntersectionObserver((entries) => {
    const { isIntersecting, target } = entries.at(-1);
    if (!at || target !== at.picture) return;
    if (isIntersecting) reveal();
    else if (target.isConnected) hide();
    else window.setTimeout(() => at?.picture === target && !target.isConnected && hide(), PATIENCE);
  });
  const reveal = () => {
    if (!frame || !at || !(model.get("panel").name || model.get("panel").title)) return;
    frame.hidden = false;
    settle();
  };
  const refresh = () => {
    const facts = model.get("panel");
    const isOpen = Boolean(facts.name || facts.title);
    if (!at || (!isOpen && !frame)) return;
    if (!frame) make();
    const panel = show(facts);
    if (!isOpen) return hide();
    if (wanted || !frame.hidden) frame.hidden = false;
    settle();
    if (wanted) panel.focus({ preventScroll: true });
    wanted = false;
  };
  model.on("change:panel", refresh);
  return {
    /** Ask for something, to be shown beside a node of a picture. */
    open(message, { picture, node, focus }) {
      if (watcher) {
        watcher.disconnect();
        watcher.observe(picture);
      }
      at = { picture, focus };
      place = placeFor(node, picture.getBoundingClientRect(), view());
      ask(message);
      const { task, item } = model.get("panel");
      if (message.task !== undefined && task === message.task && (item ?? null) === (message.item ?? null)) refresh();
    },
    /** Go over to the picture that has replaced the one which the panel was opened at. */
    moveTo(picture) {
      if (!at || at.picture.isConnected) return;
      at = { picture, focus: picture };
      wanted = false;
      watcher?.disconnect();
      watcher?.observe(picture);
      reveal();
    },
    /** Close it if it is open; tell whether it was. */
    close() {
      const isOpen = Boolean(frame && !frame.hidden);
      if (isOpen) close();
      return isOpen;
    },
    /** Go without a word to the kernel. */
    vanish() {
      hide();
      at = null;
    },
    remove() {
      model.off("change:panel", refresh);
      watcher?.disconnect();
      window?.removeEventListener("resize", settle);
      frame?.remove();
    },
  };
}

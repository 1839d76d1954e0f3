// What a click on a node of the live graph does: it opens a panel, or a fan of tasks that are alike.

/** What the browser asks for when a node is clicked. */
export function asked(task, folded) {
  return { action: folded.includes(task) ? "turn" : "open", task, item: null, node: true };
}

/** Have a click, Enter or the space bar on a task call `open` with its name and its group. */
function letOpen(tasks, open) {
  for (const { group } of tasks.filter(Boolean)) {
    const task = group.getAttribute("data-task");
    group.setAttribute("role", "button");
    group.addEventListener("click", () => open(task, group, false));
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      open(task, group, true);
    });
  }
}

/** Have a click, Enter or the space bar on the name of a box call `close` with it. */
function letClose(svg, close) {
  for (const tab of svg.querySelectorAll("g[data-box]")) {
    const box = tab.getAttribute("data-box");
    tab.setAttribute("tabindex", "0");
    tab.setAttribute("role", "button");
    tab.setAttribute("aria-label", `close ${box}`);
    tab.addEventListener("click", () => close(box));
    tab.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      close(box);
    });
  }
}

/** A panel in the frame of the graph; return what opens it, what shows it, and what closes it. */
function panelWithin(model, frame) {
  let from = null; // the task that was opened: it gets the focus back
  let wanted = false; // whether the panel is to get it
  const close = () => {
    if (!model.get("panel").name && !model.get("panel").title) return false;
    model.send({ action: "close" });
    from?.focus();
    from = null;
    return true;
  };
  const send = (message) => {
    wanted = true; // the button that was pressed goes
    model.send(message);
  };
  const show = addPanel(frame, model.get("looks"), send, close);
  const open = (message, group, byKey) => {
    from = group;
    wanted = byKey;
    model.send(message);
  };
  const refresh = () => {
    const facts = model.get("panel");
    const panel = show(facts);
    if (wanted && facts.name) panel.focus();
    wanted = wanted && !facts.name;
  };
  return { open, refresh, close, moveTo: () => {} };
}

/** A panel over the page, as `panelWithin` returns one in the frame. */
function panelOver(model, frame) {
  const overlay = overlayOf(model, frame.ownerDocument);
  const open = (message, group) => {
    const picture = group.closest("svg");
    overlay.open(message, { picture, node: group.getBoundingClientRect(), focus: group });
  };
  return { open, refresh: () => {}, close: () => overlay.close(), moveTo: (svg) => overlay.moveTo(svg) };
}

/** Buttons that call `fold` for what was opened; return what shows those there are. */
function addFolds(frame, model, fold) {
  const document = frame.ownerDocument;
  const bar = element(document, "div", "taskinity-flow-folds", frame);
  return () => {
    const buttons = Object.entries(model.get("opened")).map(([task, label]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `fold ${label}`;
      button.addEventListener("click", () => fold(task));
      return button;
    });
    bar.replaceChildren(...buttons);
    bar.hidden = !buttons.length;
  };
}

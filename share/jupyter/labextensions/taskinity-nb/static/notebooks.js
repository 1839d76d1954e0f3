// Which notebook and which kernel an editor belongs to, and where a name is defined in the notebook.
import { Kernel } from "./kernel.js";

/** Return where a name is defined in a text: a function, a class, a flow or a name that is given a value; or -1. */
export function definition(text, path) {
  const name = path.split(".")[0].replace(/[^\p{ID_Continue}]/gu, "");
  const ends = "(?![\\p{ID_Continue}])";
  const forms = [`(?:async[ \\t]+)?def[ \\t]+${name}${ends}`, `(?:class|flow)[ \\t]+${name}${ends}`, `${name}[ \\t]*=(?!=)`];
  for (const form of forms) {
    const found = new RegExp(`^([ \\t]*)${form}`, "mu").exec(text);
    if (found) return found.index + found[1].length;
  }
  return -1;
}

/** The open notebooks, as editors see them. */
export class Notebooks {
  constructor(tracker) {
    this.tracker = tracker;
    this.kernels = new WeakMap();
    this.lookers = new Map(); // by the model of a cell
    tracker.forEach((panel) => this.follow(panel));
    tracker.widgetAdded.connect((_, panel) => this.follow(panel));
  }

  /** Have the cells of a notebook be looked at again when a cell has run, and when there is another kernel. */
  follow(panel) {
    const { sessionContext } = panel;
    const lookAgain = () => {
      for (const cell of panel.content.widgets) for (const look of this.lookers.get(cell.model) ?? []) look();
    };
    sessionContext.iopubMessage.connect((_, { header, content, parent_header: parent }) => {
      const isOver = header.msg_type === "status" && content.execution_state === "idle";
      if (isOver && parent.msg_type === "execute_request") lookAgain();
    });
    sessionContext.statusChanged.connect((_, status) => {
      if (!["restarting", "autorestarting", "dead", "terminating"].includes(status)) return;
      const connection = sessionContext.session?.kernel;
      if (connection) this.kernels.get(connection)?.forget();
      lookAgain();
    });
    const lookWhenReady = async () => {
      await sessionContext.ready;
      await sessionContext.session?.kernel?.info.catch(() => null); // it is gone again
      lookAgain();
    };
    sessionContext.kernelChanged.connect(lookWhenReady);
    lookWhenReady();
  }

  /** Return what the editor of a cell asks and is told through. */
  askerOf(model) {
    if (!this.lookers.has(model)) this.lookers.set(model, new Set());
    const lookers = this.lookers.get(model);
    const notebook = () => this.tracker.find((panel) => panel.content.widgets.some((cell) => cell.model === model));
    return {
      lookers: {
        add: (look) => lookers.add(look),
        delete: (look) => {
          lookers.delete(look);
          if (!lookers.size) this.lookers.delete(model);
        },
      },
      ask: async (question) => {
        const connection = notebook()?.sessionContext.session?.kernel;
        if (!connection) return null;
        if (!this.kernels.has(connection)) this.kernels.set(connection, new Kernel(connection));
        return this.kernels.get(connection).ask(question);
      },
      goTo: (path) => goTo(notebook(), path),
    };
  }
}

/** Show where a name is defined in a notebook; tell whether it is. */
function goTo(panel, path) {
  const cells = panel?.content.widgets ?? [];
  const number = cells.findIndex(({ model }) => model.type === "code" && definition(model.sharedModel.getSource(), path) >= 0);
  if (number < 0) return false;
  const { model } = cells[number];
  const before = model.sharedModel.getSource().slice(0, definition(model.sharedModel.getSource(), path)).split("\n");
  panel.content.activeCellIndex = number;
  panel.content.mode = "edit";
  panel.content.scrollToItem(number, "auto").then(() => {
    cells[number].editor?.setCursorPosition({ line: before.length - 1, column: before.at(-1).length });
    cells[number].editor?.focus();
  });
  return true;
}

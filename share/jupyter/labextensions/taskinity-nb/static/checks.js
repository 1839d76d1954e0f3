// What the kernel says of a flow that is written: wrong parts are underlined at rest, names without a function are
// dimmed, and a name under the pointer tells what it stands for. All that comes from the kernel is shown as text.

const REST = 400; // milliseconds without a key

/** Return faults with their places in the text of an editor; those of another text may have none. */
export function placed(faults, doc) {
  return faults.flatMap((fault) => {
    const [number, column, width] = fault.span;
    if (number < 1 || number > doc.lines) return [];
    const line = doc.line(number);
    const signs = [...line.text]; // Python counts characters, and the editor UTF-16
    const at = (count) => line.from + signs.slice(0, count).join("").length;
    const [from, to] = [at(column - 1), at(column - 1 + width)];
    return [{ ...fault, from: to > from ? from : Math.max(line.from, from - 1), to: Math.max(from, to) }];
  });
}

/** Make the extension of an editor: `ask` puts a question about the cell to its kernel, `goTo` shows a definition. */
export function flowChecks(flow, { language, state, view }) {
  const told = state.StateEffect.define();
  const isFlow = (current) => current.facet(language.language) === flow;

  const field = state.StateField.define({
    create: () => view.Decoration.none,
    update(marks, transaction) {
      const effect = transaction.effects.find((each) => each.is(told));
      return effect ? marksOf(effect.value, transaction.state) : marks.map(transaction.changes);
    },
    provide: (self) => view.EditorView.decorations.from(self),
  });

  /** Return the marks of faults; a name is marked wherever it stands. */
  function marksOf(faults, current) {
    const named = new Map(faults.filter(({ name }) => name && !name.includes(".")).map((fault) => [fault.name, fault]));
    const all = faults.filter((fault) => !named.has(fault.name));
    if (named.size) {
      language.ensureSyntaxTree(current, current.doc.length, 200)?.iterate({
        enter: ({ name, from, to }) => {
          const fault = name === "name" && named.get(current.sliceDoc(from, to));
          if (fault) all.push({ ...fault, from, to });
        },
      });
    }
    const look = (fault) => view.Decoration.mark({ class: `taskinity-${fault.isError ? "error" : "unknown"}`, fault });
    const shown = all.filter(({ from, to }) => from < to);
    return view.Decoration.set(shown.map((fault) => look(fault).range(fault.from, fault.to)), true);
  }

  const checker = (asker) =>
    view.ViewPlugin.fromClass(
      class {
        constructor(editor) {
          this.editor = editor;
          this.look = () => this.rest();
          asker.lookers.add(this.look);
          this.rest();
        }
        update({ docChanged }) {
          if (docChanged) this.rest();
        }
        destroy() {
          clearTimeout(this.timer);
          asker.lookers.delete(this.look);
          this.editor = null;
        }
        rest() {
          clearTimeout(this.timer);
          this.timer = setTimeout(() => this.check(), REST);
        }
        async check() {
          const { doc } = this.editor.state;
          const answer = isFlow(this.editor.state) ? await asker.ask({ cell: doc.toString() }) : null;
          if (this.editor?.state.doc !== doc) return; // it is gone, or is being written
          const faults = placed((answer ?? []).map(({ is_error: isError, ...rest }) => ({ isError, ...rest })), doc);
          if (faults.length || this.editor.state.field(field).size) this.editor.dispatch({ effects: told.of(faults) });
        }
      },
    );

  /** Return the name at a place, with the module in front of it; null if there is none. */
  function nameAt(current, at, side = 1) {
    const node = language.syntaxTree(current).resolveInner(at, side);
    if (!isFlow(current) || !["name", "key"].includes(node.name)) return null;
    let from = node.from;
    for (let before = node.prevSibling; node.name === "key" && before?.to === from; before = before.prevSibling) {
      if (before.name !== "mark" && !["name", "key"].includes(before.name)) break;
      from = before.from;
      if (before.name === "name") break;
    }
    return { path: current.sliceDoc(from, node.to), from: node.from, to: node.to };
  }

  const hover = (asker) =>
    view.hoverTooltip(async (editor, at, side) => {
      if (!isFlow(editor.state)) return null;
      const name = nameAt(editor.state, at, side);
      const found = [];
      editor.state.field(field).between(at, at, (from, to, { spec }) => void found.push({ ...spec.fault, from, to }));
      const answer = name && !found.some((fault) => fault.name) ? await asker.ask({ name: name.path }) : null;
      const texts = found.slice(0, 1).flatMap(({ message, remedy }) => [["message", message], ["remedy", remedy]]);
      texts.push(...(answer ?? []).map((text, order) => [order ? "doc" : "signature", text]));
      if (!texts.some(([, text]) => text)) return null;
      const [{ from, to }] = [...found, name];
      return { pos: from, end: to, above: true, create: () => ({ dom: tooltip(texts) }) };
    });

  const clicks = (asker) =>
    view.EditorView.domEventHandlers({
      mousedown(event, editor) {
        if (event.button !== 0 || !(event.ctrlKey || event.metaKey) || !isFlow(editor.state)) return false;
        const at = editor.posAtCoords({ x: event.clientX, y: event.clientY });
        const name = at === null ? null : (nameAt(editor.state, at) ?? nameAt(editor.state, at, -1));
        if (!name || !asker.goTo(name.path)) return false;
        event.preventDefault();
        return true;
      },
    });

  const theme = view.EditorView.baseTheme({
    ".taskinity-error": { textDecoration: "underline wavy var(--jp-error-color1, red)", textDecorationSkipInk: "none" },
    ".taskinity-unknown": { opacity: "0.65", textDecoration: "underline dotted" },
    ".taskinity-tooltip": {
      color: "var(--jp-content-font-color1)",
      fontFamily: "var(--jp-ui-font-family)",
      fontSize: "var(--jp-ui-font-size1)",
      maxWidth: "60em",
      maxHeight: "24em",
      overflow: "auto",
      padding: "4px 8px",
      whiteSpace: "pre-wrap",
    },
    ".taskinity-tooltip-signature": { fontFamily: "var(--jp-code-font-family)", fontWeight: "bold" },
    ".taskinity-tooltip-message": { fontWeight: "bold" },
  });

  return (asker) => [field, checker(asker), hover(asker), clicks(asker), theme];
}

function tooltip(texts) {
  const box = document.createElement("div");
  box.className = "taskinity-tooltip";
  for (const [kind, text] of texts) {
    if (!text) continue;
    const part = document.createElement("div");
    part.className = `taskinity-tooltip-${kind}`;
    part.textContent = text;
    box.append(part);
  }
  return box;
}

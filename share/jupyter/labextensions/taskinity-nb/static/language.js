// The language of a flow for CodeMirror: a tree of lines, which hold the pieces; and where it is used.
import { isFlow, partsOf, rolesOfLine } from "./roles.js";

const MOST_KNOWN = 20_000;
const GROUP = 50;

/** Return what tag of a theme's each role has. */
export function tagsOf({ tags }) {
  return {
    magic: tags.meta,
    option: tags.attributeName,
    keyword: tags.keyword,
    definition: tags.definition(tags.variableName),
    name: tags.variableName,
    key: tags.propertyName,
    parameter: tags.attributeName,
    string: tags.string,
    number: tags.number,
    atom: tags.atom,
    arrow: tags.operator,
    operator: tags.operator,
    mark: tags.punctuation,
    comment: tags.comment,
    wrong: tags.invalid,
  };
}

/** Make the language out of CodeMirror's packages. */
export function makeLanguage({ common, highlight, language }) {
  const { NodeSet, NodeType, Parser, Tree } = common;
  const TAGS = tagsOf(highlight);
  const ROLES = Object.keys(TAGS);
  const data = language.defineLanguageFacet({ commentTokens: { line: "#" } });
  const [top, line, ...pieces] = new NodeSet(
    ["flow", "line", ...ROLES].map((name, id) => NodeType.define({ id, name, top: id === 0 })),
  ).extend(highlight.styleTags(TAGS), language.languageDataProp.add({ flow: data })).types;
  const types = Object.fromEntries(ROLES.map((role, at) => [role, pieces[at]]));

  const known = new Map(); // trees of lines by their text: a key that is pressed changes one of them

  function read(text) {
    const [trees, positions] = [[], []];
    if (known.size > MOST_KNOWN) known.clear();
    for (const { start, end, read: rolesOf } of partsOf(text)) {
      const part = text.slice(start, end);
      if (!known.has(part)) known.set(part, treeOf(rolesOf(part), part.length));
      trees.push(known.get(part));
      positions.push(start);
    }
    return grouped(trees, positions, text.length);
  }

  /** Make a tree of lines, some of them at a time in a node without a name: to find one of thousands takes long. */
  function grouped(trees, positions, length) {
    const [groups, starts] = [[], []];
    for (let at = 0; at < trees.length; at += GROUP) {
      const [start, end] = [positions[at], positions[at + GROUP] ?? length];
      const inside = positions.slice(at, at + GROUP).map((position) => position - start);
      groups.push(new Tree(NodeType.none, trees.slice(at, at + GROUP), inside, end - start));
      starts.push(start);
    }
    return new Tree(top, groups, starts, length);
  }

  function treeOf(found, length) {
    const leaves = found.map(({ role, start, end }) => new Tree(types[role], [], [], end - start));
    return new Tree(line, leaves, found.map(({ start }) => start), length);
  }

  class FlowParser extends Parser {
    createParse(input) {
      let stoppedAt = null;
      return {
        get parsedPos() {
          return stoppedAt ?? input.length;
        },
        get stoppedAt() {
          return stoppedAt;
        },
        stopAt: (position) => void (stoppedAt = position),
        advance: () => read(input.read(0, stoppedAt ?? input.length)),
      };
    }
  }

  return new language.Language(data, new FlowParser(), [], "flow");
}

/** Return an extension for an editor: the flow's language while the cell is one, above the notebook's own. */
export function flowCells(flow, { language, state }) {
  const chosen = new state.Compartment();
  const support = state.Prec.highest(new language.LanguageSupport(flow));
  const none = [];
  const choice = (text) => (isFlow(text) ? support : none);
  const firstLine = (doc) => doc.sliceString(0, 1000);
  const follow = state.EditorState.transactionExtender.of((transaction) => {
    if (!transaction.docChanged) return null;
    const wanted = choice(firstLine(transaction.newDoc));
    return chosen.get(transaction.startState) === wanted ? null : { effects: chosen.reconfigure(wanted) };
  });
  return (text) => [chosen.of(choice(text)), follow];
}

/** Return an extension that colours the lines of Python cells that call `%flow`. */
export function flowLines(flow, { highlight, language, state, view }) {
  const TAGS = tagsOf(highlight);
  const plain = view.Decoration.mark({ class: "taskinity-plain" });
  const isInString = (current, at) => /String/.test(language.syntaxTree(current).resolveInner(at, 1).name);

  function decorate({ state: current, visibleRanges }) {
    const builder = new state.RangeSetBuilder();
    if (current.facet(language.language) === flow) return builder.finish();
    for (const { from, to } of visibleRanges) {
      for (let at = from; at <= to; ) {
        const line = current.doc.lineAt(at);
        at = line.to + 1;
        const pieces = rolesOfLine(line.text);
        if (!pieces.length || isInString(current, line.from)) continue;
        builder.add(line.from, line.to, plain);
        for (const { role, start, end } of pieces) {
          const classes = language.highlightingFor(current, [TAGS[role]]);
          if (classes) builder.add(line.from + start, line.from + end, view.Decoration.mark({ class: classes }));
        }
      }
    }
    return builder.finish();
  }

  class Colours {
    constructor(editor) {
      this.found = decorate(editor);
    }
    update({ docChanged, viewportChanged, startState, state: now, view: editor }) {
      const hasNewTree = language.syntaxTree(startState) !== language.syntaxTree(now);
      if (docChanged || viewportChanged || hasNewTree) this.found = decorate(editor);
    }
  }

  return [
    state.Prec.highest(view.ViewPlugin.fromClass(Colours, { decorations: ({ found }) => found })), // inside of Python's
    view.EditorView.baseTheme({
      ".taskinity-plain": { color: "var(--jp-content-font-color1)", fontStyle: "normal", fontWeight: "normal" },
    }),
  ];
}

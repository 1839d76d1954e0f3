// The plugins of the extension. JupyterLab and Notebook 7 lend their packages by `take`.
import { flowChecks } from "./checks.js";
import { flowCells, flowLines, makeLanguage } from "./language.js";
import { Notebooks } from "./notebooks.js";

export async function makePlugins(take) {
  const [common, highlight, language, state, view, codemirror, notebook] = await Promise.all(
    [
      "@lezer/common", "@lezer/highlight", "@codemirror/language", "@codemirror/state", "@codemirror/view",
      "@jupyterlab/codemirror", "@jupyterlab/notebook",
    ].map(take),
  );
  const packages = { common, highlight, language, state, view };
  const flow = makeLanguage(packages);
  const { createImmutableExtension } = codemirror.EditorExtensionRegistry;

  const colours = {
    id: "taskinity-nb:language",
    description: "Colours %%flow cells and %flow lines.",
    autoStart: true,
    requires: [codemirror.IEditorExtensionRegistry, codemirror.IEditorLanguageRegistry],
    activate: (app, extensions, languages) => {
      const cells = flowCells(flow, packages);
      const lines = flowLines(flow, packages);
      languages.addLanguage({
        name: "flow",
        displayName: "Flow (taskinity_nb)",
        mime: "text/x-taskinity-flow",
        extensions: ["flow"],
        support: new language.LanguageSupport(flow),
      });
      extensions.addExtension({
        name: "taskinity-nb:language",
        factory: ({ model }) =>
          model.type === "code" ? createImmutableExtension([cells(model.sharedModel.getSource()), lines]) : null,
      });
    },
  };

  const checks = {
    id: "taskinity-nb:checks",
    description: "Shows what is wrong in %%flow cells, and what their names stand for.",
    autoStart: true,
    requires: [codemirror.IEditorExtensionRegistry, notebook.INotebookTracker],
    activate: (app, extensions, tracker) => {
      const notebooks = new Notebooks(tracker);
      const checked = flowChecks(flow, packages);
      extensions.addExtension({
        name: "taskinity-nb:checks",
        factory: ({ model }) =>
          model.type === "code" ? createImmutableExtension(checked(notebooks.askerOf(model))) : null,
      });
    },
  };
  return [colours, checks];
}

// The plugins of the extension. JupyterLab and Notebook 7 lend their packages by `take`.
import { flowCells, flowLines, makeLanguage } from "./language.js";

export async function makePlugins(take) {
  const [common, highlight, language, state, view, codemirror] = await Promise.all(
    [
      "@lezer/common", "@lezer/highlight", "@codemirror/language", "@codemirror/state", "@codemirror/view",
      "@jupyterlab/codemirror",
    ].map(take),
  );
  const packages = { common, highlight, language, state, view };

  const colours = {
    id: "taskinity-nb:language",
    description: "Colours %%flow cells and %flow lines.",
    autoStart: true,
    requires: [codemirror.IEditorExtensionRegistry, codemirror.IEditorLanguageRegistry],
    activate: (app, extensions, languages) => {
      const flow = makeLanguage(packages);
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
          model.type === "code"
            ? codemirror.EditorExtensionRegistry.createImmutableExtension([cells(model.sharedModel.getSource()), lines])
            : null,
      });
    },
  };
  return [colours];
}

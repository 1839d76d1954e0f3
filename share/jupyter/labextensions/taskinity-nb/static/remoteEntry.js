// What JupyterLab loads first: a module-federation container as its bundler would write one, by hand.
// It lends out Lab's own packages, CodeMirror among them, so that there is one of each in the page.
(() => {
  const here = document.currentScript.src;
  let packages = {};

  /** Return a package of Lab's: the version that is in use, or else the newest. */
  async function take(name) {
    const versions = Object.entries(packages[name] ?? {});
    if (!versions.length) throw new Error(`taskinity-nb: this JupyterLab has no ${name}`);
    const parts = (version) => version.split(/\D+/).map(Number);
    const newer = ([a], [b]) => {
      const [left, right] = [parts(a), parts(b)];
      const at = left.findIndex((part, index) => part !== right[index]);
      return at < 0 ? 0 : (right[at] ?? 0) - left[at];
    };
    const [, chosen] = versions.find(([, { loaded }]) => loaded) ?? versions.sort(newer)[0];
    return (await chosen.get())();
  }

  (window._JUPYTERLAB ??= {})["taskinity-nb"] = {
    init: (shared) => void (packages = shared),
    get: async () => {
      const { makePlugins } = await import(new URL("index.js", here));
      const made = { __esModule: true, default: await makePlugins(take) };
      return () => made;
    },
  };
})();

// Reads a list of texts, and writes what the extension of JupyterLab makes of each; for tests/dsl/test_roles.py.
import { readFileSync } from "node:fs";

const { rolesOf } = await import("../../share/jupyter/labextensions/taskinity-nb/static/roles.js");
const { tokenize } = await import("../../share/jupyter/labextensions/taskinity-nb/static/tokens.js");

const texts = JSON.parse(readFileSync(0, "utf8"));
const told = (text) => ({
  tokens: tokenize(text).map((token) => [token.kind, token.text]),
  roles: rolesOf(text).map(({ role, start, end }) => [role, text.slice(start, end)]),
});
process.stdout.write(JSON.stringify(texts.map(told)));

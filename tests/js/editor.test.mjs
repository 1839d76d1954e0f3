import assert from "node:assert/strict";
import { test } from "node:test";

const EXTENSION = new URL("../../share/jupyter/labextensions/taskinity-nb/static/", import.meta.url);
const { placed } = await import(new URL("checks.js", EXTENSION));
const { definition } = await import(new URL("notebooks.js", EXTENSION));
const { Kernel } = await import(new URL("kernel.js", EXTENSION));

test("a fault stands where Python counts it, whatever signs are before it", () => {
  const lines = ["%%flow", "🙂𝐚 -> b", ""];
  const starts = [0, 7, 16];
  const doc = { lines: 3, line: (number) => ({ text: lines[number - 1], from: starts[number - 1] }) };
  const at = (...span) => placed([{ span, message: "m" }], doc).map(({ from, to }) => [from, to]);
  assert.deepEqual(at(2, 4, 2), [[12, 14]]);
  assert.deepEqual(at(2, 1, 1), [[7, 9]]);
  assert.deepEqual(at(2, 8, 1), [[15, 16]], "behind the end of the line, its last sign");
  assert.deepEqual(at(3, 1, 1), [[16, 16]], "nothing is there");
  assert.deepEqual(at(4, 1, 1), [], "of a longer text");
});

test("a name is found where it is defined", () => {
  const text = "x = load(1)\n@task\nasync def load(): pass\nclass Load: pass\n  loads = 3";
  assert.equal(text.slice(definition(text, "load")).slice(0, 9), "async def");
  assert.equal(text.slice(definition(text, "loads")), "loads = 3");
  assert.equal(definition(text, "Load.part"), text.indexOf("class"));
  assert.equal(definition("%%flow\nflow Prep:\n a", "Prep"), 7);
  for (const other of ["loa", "x == 1", ".*", "", "self"]) assert.equal(definition(text, other), -1);
});

class Connection {
  status = "idle";
  supportsSubshells = false;
  isDisposed = false;
  handleComms = true;
  comms = { c1: {} };
  asked = [];
  requestCommInfo = async (what) => (this.asked.push(what), { content: { status: "ok", comms: this.comms } });
  hasComm = () => false;
  createComm = (target, id) => (this.comm = { target, id, sent: [], send: (data) => this.comm.sent.push(data) });
  answer = (data) => this.comm.onMsg({ content: { data } });
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a kernel answers over the comm that it has made, and each question gets its own answer", async () => {
  const connection = new Connection();
  const kernel = new Kernel(connection);
  const first = kernel.ask({ cell: "a" });
  const second = kernel.ask({ name: "b" });
  await turn();
  assert.deepEqual(connection.asked, [{ target_name: "taskinity_nb.editor" }]);
  const [a, b] = connection.comm.sent;
  assert.deepEqual([a.cell, b.name, a.client === b.client], ["a", "b", true]);
  connection.answer({ client: "another page", number: a.number, answer: "not ours" });
  connection.answer({ client: b.client, number: b.number, answer: "B" });
  connection.answer({ client: a.client, number: a.number, answer: "A" });
  assert.deepEqual(await Promise.all([first, second]), ["A", "B"]);
});

test("a kernel without the package is asked for its comms, and no more", async () => {
  const connection = new Connection();
  connection.comms = {};
  assert.equal(await new Kernel(connection).ask({ cell: "a" }), null);
  const second = new Connection();
  second.handleComms = false;
  assert.equal(await new Kernel(second).ask({ cell: "a" }), null);
  assert.deepEqual(second.asked, []);
  connection.requestCommInfo = async () => Promise.reject(new Error("Canceled future"));
  assert.equal(await new Kernel(connection).ask({ cell: "a" }), null);
  assert.equal(connection.comm, undefined);
});

test("a kernel that is busy is asked only where a subshell answers", async () => {
  const connection = new Connection();
  const kernel = new Kernel(connection);
  connection.status = "busy";
  assert.equal(await kernel.ask({ cell: "a" }), null);
  assert.deepEqual(connection.asked, []);
  connection.status = "idle";
  await kernel.find();
  connection.status = "busy";
  assert.equal(await kernel.ask({ cell: "a" }), null);
  connection.supportsSubshells = true;
  assert.equal(await kernel.ask({ cell: "a" }), null);
  connection.comm.subshellId = "s1";
  const asked = kernel.ask({ cell: "a" });
  await turn();
  assert.equal(connection.comm.sent.length, 1);
  connection.comm.onClose();
  assert.equal(await asked, null, "no answer is waited for when the comm is gone");
});

// Asks the kernel of a notebook what is wrong in a cell, and what a name stands for. It is asked nothing while it
// cannot answer: where the package is not loaded, and while a cell runs in a kernel without subshells.

const TARGET = "taskinity_nb.editor";
const PATIENCE = 5_000;

/** What is said to one kernel, through a comm that the kernel has made. */
export class Kernel {
  constructor(connection) {
    Object.assign(this, { connection, client: String(Math.random()), number: 0, waiting: new Map(), comm: null });
  }

  /** Return the answer to a question; null if there is none in time. */
  async ask(question) {
    const comm = await this.find();
    if (!comm || !this.isFree()) return null;
    const number = ++this.number;
    return new Promise((resolve) => {
      const settle = (answer) => {
        clearTimeout(timer);
        this.waiting.delete(number);
        resolve(answer);
      };
      const timer = setTimeout(settle, PATIENCE, null);
      this.waiting.set(number, settle);
      comm.send({ ...question, client: this.client, number });
    });
  }

  /** Tell whether the kernel would answer at once. */
  isFree() {
    const { status, supportsSubshells, isDisposed } = this.connection;
    return !isDisposed && (status === "idle" || (status === "busy" && supportsSubshells && Boolean(this.comm?.subshellId)));
  }

  /**
   * Return the comm, if the package is loaded; only a kernel that does nothing is asked for it.
   *
   * Of several connections of a page to one kernel, such as those of two notebooks, one has comms.
   */
  async find() {
    const { connection } = this;
    if (this.comm?.isDisposed) this.forget();
    if (this.comm || connection.isDisposed || !connection.handleComms || connection.status !== "idle") return this.comm;
    this.finding ??= this.open().finally(() => (this.finding = null));
    return this.finding;
  }

  async open() {
    const { connection } = this;
    const gone = { content: {} };
    const { content } = await connection.requestCommInfo({ target_name: TARGET }).catch(() => gone); // it was restarted
    const [id] = Object.keys(content.comms ?? {});
    if (!id || connection.isDisposed || connection.hasComm(id)) return this.comm;
    const comm = connection.createComm(TARGET, id);
    comm.onMsg = ({ content: { data } }) => data.client === this.client && this.waiting.get(data.number)?.(data.answer);
    comm.onClose = () => this.forget();
    return (this.comm = comm);
  }

  /** Know nothing of the kernel's comm any more: it is another kernel, or the package is gone. */
  forget() {
    this.comm = null;
    for (const settle of [...this.waiting.values()]) settle(null);
  }
}

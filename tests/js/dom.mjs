// As much of a document, and of a widget's model, as the views touch.
import { readFile } from "node:fs/promises";

/** Import files of the views, by their room and name, as the one module that they make up in a browser. */
export async function load(...names) {
  // They have no package.json beside them that would call them ESM, so they are imported by their text.
  const read = (name) => readFile(new URL(`../../taskinity_nb/views/${name}`, import.meta.url), "utf8");
  const source = (await Promise.all(names.map(read))).join("\n");
  return import(`data:text/javascript,${encodeURIComponent(source)}`);
}

/** The files that the live graph is made of. */
export const GRAPH = ["graph", "clicks", "panel", "over", "still"].map((name) => `live/static/${name}.js`);

export class Element {
  constructor(name, attributes = {}, children = []) {
    this.nodeName = name;
    this.attributes = { ...attributes };
    this.children = [];
    this.style = {};
    this.dataset = {};
    this.listeners = {};
    this.textContent = "";
    this.ownerDocument = document;
    this.writes = 0;
    this.append(...children);
  }
  getAttribute(name) {
    return this.attributes[name] ?? null;
  }
  setAttribute(name, value) {
    this.writes++;
    this.attributes[name] = value;
  }
  removeAttribute(name) {
    delete this.attributes[name];
  }
  append(...children) {
    this.children.push(...children);
  }
  replaceChildren(...children) {
    this.children = children;
  }
  get clientWidth() {
    return 0;
  }
  getContext() {
    return null;
  }
  focus() {
    document.activeElement = this;
  }
  addEventListener(event, handler) {
    this.listeners[event] = handler;
  }
  *walk() {
    for (const child of this.children) {
      yield child;
      yield* child.walk();
    }
  }
  querySelectorAll(selector) {
    const [, name, key, value] = /^(\w*)(?:\[([\w-]+)(?:="(\w+)")?\])?$/.exec(selector);
    return [...this.walk()].filter(
      (e) =>
        (!name || e.nodeName === name) &&
        (!key || key in e.attributes) &&
        (!value || e.attributes[key] === value),
    );
  }
  querySelector(selector) {
    return this.querySelectorAll(selector)[0] ?? null;
  }
}
export const document = {
  createElement: (name) => new Element(name),
  createElementNS: (_, name) => new Element(name),
  createTextNode: (text) => Object.assign(new Element("#text"), { textContent: text }),
  importNode: (node) => node,
  addEventListener() {},
  querySelectorAll: () => [],
};

export class Model {
  constructor(state) {
    this.state = state;
    this.handlers = {};
    this.sent = [];
  }
  get(name) {
    return this.state[name];
  }
  set(name, value) {
    this.state[name] = value;
    this.handlers[`change:${name}`]?.();
  }
  on(event, handler) {
    this.handlers[event] = handler;
  }
  off(event) {
    delete this.handlers[event];
  }
  send(message) {
    this.sent.push(message);
  }
}

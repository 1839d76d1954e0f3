// Tells what each piece of a text is, for the colours: `taskinity_nb/dsl/roles.py` in JavaScript. A test compares
// the two. The same names mean the same there, where it is said why things are as they are.
import { BLANK, STRING, tokenize, WORD } from "./tokens.js";

const MAPS = ["map", "zip", "product"];
const CONDITIONS = ["when", "unless"];
const PYTHONS = new Set(
  (
    "False None True and as assert async await break class continue def del elif else except finally for from " +
    "global if import in is lambda nonlocal not or pass raise return try while with yield"
  ).split(" "),
);
const IDENTIFIER = /^[\p{ID_Start}_]\p{ID_Continue}*$/u;
const ROLE_OF_KIND = { arrow: "arrow", mark: "mark", string: "string", unclosed: "string", newline: "" };
const FEW = 10;

const VALUE_STRING = `[bBrRuU]{0,2}(?:${STRING})`;
const MAGIC = new RegExp(`^[${BLANK}]*(%%flow)(?![^${BLANK}?])[^\\r\\n]*`, "du");
const LINE_MAGIC = /^[ \t]*(%flow(?:_from)?)(?![^\s?]).*/d;
const OPTION = new RegExp(
  `(?<option>--?[A-Za-z][A-Za-z0-9_-]*)|(?<string>${VALUE_STRING})` +
    "|(?<number>[0-9][0-9.]*(?![A-Za-z0-9_]))|(?<atom>(?:True|False|None)(?![A-Za-z0-9_]))" +
    `|(?<parameter>${WORD}(?:\\.${WORD})?)(?==(?!=))|[^${BLANK}"'\\[\\](){},=]+|[^]`,
  "gu",
);
const VALUE = new RegExp(
  `(?<string>${VALUE_STRING})|(?<comment>#[^\\r\\n]*)|(?<unclosed>["'][^\\r\\n]*)` +
    "|(?<number>\\.?[0-9](?:[eE][+-]|[A-Za-z0-9_.])*)" +
    `|(?<word>${WORD})|(?<operator>=)|(?<mark>[^${BLANK}])`,
  "gu",
);
const QUOTED = new RegExp(STRING, "uy");
const NEWLINE = /\r\n?|\n/g;

/** Tell whether the text of a cell begins with `%%flow`. */
export const isFlow = (text) => MAGIC.test(text);

/** Return the pieces of a flow, or of a whole `%%flow` cell, as {role, start, end}. */
export function rolesOf(text) {
  return partsOf(text).flatMap(({ start, end, read }) => read(text.slice(start, end)).map((piece) => move(piece, start)));
}

const move = ({ role, start, end }, by) => ({ role, start: start + by, end: end + by });

/** Cut a text into parts, the line of the magic and lines of the flow, with what reads each by itself. */
export function partsOf(text) {
  const magic = MAGIC.exec(text);
  const parts = magic ? [{ start: 0, end: magic[0].length, read: ofMagic }] : [];
  let start = magic ? magic[0].length : 0;
  for (let few = FEW; start < text.length; ) {
    let end = few ? endOfBrackets(text, start) : null;
    if (end === null) {
      end = find(NEWLINE, text, start)?.index ?? text.length;
      few = Math.max(0, few - 1);
    }
    parts.push({ start, end, read: ofLine });
    start = end + (text.startsWith("\r\n", end) ? 2 : 1);
  }
  return parts;
}

/** Return the pieces of a line that calls `%flow`; of any other, none. */
export const rolesOfLine = (line) => ofMagic(line, LINE_MAGIC);

function ofMagic(line, pattern = MAGIC) {
  const magic = pattern.exec(line);
  if (!magic) return [];
  const [start, end] = magic.indices[1];
  return [{ role: "magic", start, end }, ...matches(OPTION, line, end, magic[0].length).filter(({ role }) => role)];
}

const ofLine = (text) => new Line(text).pieces();

class Line {
  constructor(text) {
    Object.assign(this, { text, tokens: tokenize(text), at: 0, found: [], behind: 0 });
  }

  pieces() {
    let [last, isCondition] = ["", false];
    this.beginning(this.tokens[0]);
    for (let token; (token = this.tokens[this.at]).kind !== "end"; ) {
      if (isCondition && /^==(?!=)/.test(token.text)) {
        this.add("operator", token.start, token.start + 2);
        this.literals(token.start + 2, "wrong");
        continue;
      }
      const role = this.role(token, last);
      isCondition ||= role === "keyword" && CONDITIONS.includes(token.text);
      if (token.kind === "call") this.values(token.start, token.end, "parameter", 1);
      else this.add(role, token.start, token.end);
      if (token.kind !== "newline") {
        const ends = token.kind === "call" || "]?".includes(token.text);
        last = ends ? "name" : token.text === "." ? "." : role;
      }
      this.at++;
    }
    this.add("", this.text.length, this.text.length);
    return this.found;
  }

  /** Add a piece, and the comment in front of it. */
  add(role, start, end) {
    const { text, found, behind } = this;
    const comment = behind < start ? text.slice(behind, start).indexOf("#") : -1;
    if (comment >= 0) found.push({ role: "comment", start: behind + comment, end: start });
    if (role) found.push({ role, start, end });
    this.behind = end;
  }

  token(role) {
    const token = this.tokens[this.at++];
    this.add(role, token.start, token.end);
  }

  beginning(token) {
    const second = this.tokens[this.at + 1];
    if (token.text === "flow" && this.beginsBlock()) {
      this.token("keyword");
      if (second.kind === "word") this.token(isName(second.text) ? "definition" : "wrong");
    } else if (token.text === "description" && second.text === ":") {
      this.token("keyword");
    } else if (token.text === "input" && this.beginsInputs()) {
      this.token("keyword");
      this.literals(second.start, "definition");
    } else if (token.kind === "word" && [",", "="].includes(second.text) && this.namesParts()) {
      for (let part; (part = this.tokens[this.at]).text !== "="; ) {
        this.token(part.kind === "word" && isName(part.text) ? "definition" : this.role(part, ""));
      }
      this.token("operator");
    }
  }

  role(token, last) {
    if (token.kind !== "word") return ROLE_OF_KIND[token.kind] ?? "wrong";
    const word = token.text;
    if (last === ".") return "key";
    if (["name", "key"].includes(last) && (word === "as" || CONDITIONS.includes(word))) return "keyword";
    const isMap = MAPS.includes(word) && this.tokens[this.at + 1].kind === "word";
    if (isMap && !this.isBehind(this.at + 1)) return "keyword";
    return isName(word) ? "name" : "wrong";
  }

  literals(start, named) {
    const end = endOfBrackets(this.text, start, true) ?? this.text.length;
    this.values(start, end, named, 0);
    while (this.tokens[this.at].start < end && this.tokens[this.at].kind !== "end") this.at++;
    while (!["newline", "end"].includes(this.tokens[this.at].kind)) this.at++;
  }

  values(start, end, named, outermost) {
    let [depth, last] = [0, ","];
    for (const { role, start: from, end: to } of matches(VALUE, this.text, start, end)) {
      const value = this.text.slice(from, to);
      depth += "([{".includes(value) - ")]}".includes(value);
      let kind = role === "unclosed" ? "string" : role;
      if (role === "word") {
        const isFirst = depth === outermost && [",", "("].includes(last);
        kind = ["True", "False", "None"].includes(value) ? "atom" : isFirst ? named : "name";
      }
      this.add(kind, from, to);
      if (role !== "comment") last = value;
    }
  }

  // As the parser's methods of these names.

  beginsBlock() {
    const [, second, third] = this.tokens.slice(this.at, this.at + 3);
    if (second.text === "as") return third.text === ":";
    if (CONDITIONS.includes(second.text) && third.kind === "word") return false;
    return ["word", "string", "unclosed"].includes(second.kind) || second.text === ":";
  }

  beginsInputs() {
    const [, second, third] = this.tokens.slice(this.at, this.at + 3);
    if (CONDITIONS.includes(second.text) && third.kind === "word") return false;
    return second.kind === "word" && second.text !== "as";
  }

  namesParts() {
    let at = this.at;
    while (this.tokens[at].kind === "word" && this.tokens[at + 1].text === ",") at += 2;
    return this.tokens[at + (this.tokens[at].kind === "word")].text === "=";
  }

  isBehind(at) {
    const [word, following] = this.tokens.slice(at, at + 2);
    if (!CONDITIONS.includes(word.text)) return word.text === "as";
    return following.kind === "word" && following.text !== "as";
  }
}

const isName = (word) => IDENTIFIER.test(word) && !PYTHONS.has(word.normalize("NFKC"));

/**
 * Return where a line ends with all its brackets closed, in front of a comment too; null if they never are.
 *
 * It looks at each sign of a text whenever a key is pressed, so it goes without patterns as far as it can.
 */
function endOfBrackets(text, start, isBeforeComment = false) {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const sign = text[at];
    if (sign === "\n" || sign === "\r") {
      if (depth <= 0) return at;
    } else if (sign === "#") {
      if (isBeforeComment && depth <= 0) return at;
      at = (find(NEWLINE, text, at)?.index ?? text.length) - 1;
    } else if (sign === "(" || sign === "[" || sign === "{") depth++;
    else if (sign === ")" || sign === "]" || sign === "}") depth--;
    else if (sign === '"' || sign === "'") at = (find(QUOTED, text, at) ? QUOTED.lastIndex : at + 1) - 1;
  }
  return depth <= 0 ? text.length : null;
}

function find(pattern, text, start) {
  pattern.lastIndex = start;
  return pattern.exec(text);
}

function matches(pattern, text, start, end) {
  const found = [];
  const piece = text.slice(start, end);
  for (const match of piece.matchAll(pattern)) {
    const role = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    found.push({ role, start: start + match.index, end: start + match.index + match[0].length });
  }
  return found;
}

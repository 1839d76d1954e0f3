// Cuts the text of a flow into tokens: `taskinity_nb/dsl/tokens.py` in JavaScript. A test compares the two.

/** What Python calls a blank, in a class of a pattern; JavaScript's \s has others. */
export const BLANK = "\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
/** A pattern of what stands between blanks and ASCII punctuation: a name, if it is an identifier. */
export const WORD = `[^${BLANK}\\x00-/:-@\\[-^\`{-\\x7f]+`;
/** A pattern of a text in quotation marks, on one line. */
export const STRING = `"(?:[^"\\\\\\r\\n]|\\\\[^\\r\\n])*"|'(?:[^'\\\\\\r\\n]|\\\\[^\\r\\n])*'`;

const TOKEN = new RegExp(
  [
    `(?<word>${WORD})`,
    "(?<arrow>(?:->|-\\.->)(?![-=<>~|.]))",
    "(?<newline>\\r\\n?|\\n)",
    "(?<mark>[\\[\\],:?]|\\.(?![-=<>~|.]))",
    `(?<string>${STRING})`,
    "(?<comment>#[^\\r\\n]*)",
    `(?<unclosed>["'][^\\r\\n]*)`,
    "(?<dashes>[-=<>~|.]+)",
    `(?<stray>[^${BLANK}])`,
  ].join("|"),
  "gu",
);
const IN_CALL = new RegExp(`(?<open>[(\\[{])|(?<close>[)\\]}])|#[^\\r\\n]*|${STRING}`, "gu");
const PAIRS = { "(": ")", "[": "]", "{": "}" };
const EMPTY = new RegExp(`\\([${BLANK}]*\\)`, "yu");
const FULL = new RegExp(`[^${BLANK}]`, "u");

/** Return the tokens of a text, as {kind, text, start, end}; comments are left out, a newline and ends close them. */
export function tokenize(text) {
  const tokens = [];
  let isWrong = false;
  TOKEN.lastIndex = 0;
  for (let match; (match = TOKEN.exec(text)); ) {
    const kind = kindOf(match.groups);
    if (kind === "comment") continue;
    const token = { kind, text: match[0], start: match.index, end: match.index + match[0].length };
    if (kind === "stray" && token.text === "(" && !isWrong) {
      const isNamed = tokens.at(-1)?.kind === "word";
      const end = isNamed ? endOfCall(text, token.start) : null;
      if (end !== null) {
        Object.assign(token, { kind: "call", text: text.slice(token.start, end), end });
        TOKEN.lastIndex = end;
      } else {
        EMPTY.lastIndex = token.start;
        isWrong = isNamed && !EMPTY.test(text); // so the rest is not read
      }
    }
    tokens.push(token);
  }
  const last = (kind) => ({ kind, text: "", start: text.length, end: text.length });
  return [...tokens, last("newline"), last("end"), last("end"), last("end")];
}

function kindOf(groups) {
  for (const kind in groups) if (groups[kind] !== undefined) return kind;
  return "";
}

/** Return where the parentheses end that open at `start`; null if they hold nothing, or never close. */
function endOfCall(text, start) {
  const opened = [];
  IN_CALL.lastIndex = start;
  for (let match; (match = IN_CALL.exec(text)); ) {
    const { open, close } = match.groups;
    if (open) opened.push(open);
    else if (close) {
      if (PAIRS[opened.pop()] !== close) return null;
      if (!opened.length) return FULL.test(text.slice(start + 1, match.index)) ? match.index + 1 : null;
    }
  }
  return null;
}

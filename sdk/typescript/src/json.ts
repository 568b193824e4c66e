/**
 * A strict reader of JSON for files that are hashed: JSON.parse takes the last of two
 * fields of one name and rounds large numbers, and either would let two programs read
 * two contents from the same bytes.
 */

/** A JSON value. Numbers keep their digits. */
export type Json = string | boolean | null | JsonNumber | Json[] | Map<string, Json>;

/** A number as it is written. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const depthMax = 6;
const valuesMax = 400_000;

const mark = "([{}[\\]:,])";
const text = '("(?:[^"\\\\\\u0000-\\u001f]|\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4}))*")';
const number = "(-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)";
const token = new RegExp(`[ \\t\\n\\r]*(?:${mark}|${text}|${number}|(true|false|null))`, "y");

class Parser {
  readonly #text: string;
  #at = 0;
  #values = 0;

  constructor(text: string) {
    this.#text = text;
  }

  #fail(what: string): never {
    const line = this.#text.slice(0, this.#at).split("\n").length;
    throw new RangeError(`line ${line}: ${what}`);
  }

  /** The next token: one of {}[]:, or a value. */
  #next(): { mark?: string; value?: Json } {
    token.lastIndex = this.#at;
    const m = token.exec(this.#text);
    if (!m) this.#fail("not JSON");
    this.#at = token.lastIndex;
    const [, mark, text, number, word] = m;
    if (mark !== undefined) return { mark };
    if (number !== undefined) return { value: new JsonNumber(number) };
    if (text === undefined) return { value: word === "null" ? null : word === "true" };
    const s = JSON.parse(text) as string;
    if (/[\ud800-\udfff]/u.test(s) || s.includes("\ufffd")) this.#fail("a text with a broken character");
    return { value: s };
  }

  value(first = this.#next(), depth = 0): Json {
    if (++this.#values > valuesMax || depth > depthMax) this.#fail("too many values, or nested too deeply");
    if (first.value !== undefined) return first.value;
    if (first.mark === "{") return this.#object(depth);
    if (first.mark === "[") return this.#list(depth);
    return this.#fail("not JSON");
  }

  #list(depth: number): Json[] {
    const list: Json[] = [];
    for (let t = this.#next(); ; t = this.#next()) {
      if (t.mark === "]" && list.length === 0) return list;
      list.push(this.value(t, depth + 1));
      const after = this.#next().mark;
      if (after === "]") return list;
      if (after !== ",") this.#fail("not JSON");
    }
  }

  #object(depth: number): Map<string, Json> {
    const fields = new Map<string, Json>();
    for (let t = this.#next(); ; t = this.#next()) {
      if (t.mark === "}" && fields.size === 0) return fields;
      const name = t.value;
      if (typeof name !== "string" || this.#next().mark !== ":") return this.#fail("not JSON");
      if (fields.has(name)) this.#fail(`the field ${JSON.stringify(name)} stands twice in one object`);
      fields.set(name, this.value(this.#next(), depth + 1));
      const after = this.#next().mark;
      if (after === "}") return fields;
      if (after !== ",") this.#fail("not JSON");
    }
  }

  end(): void {
    if (/[^ \t\n\r]/.test(this.#text.slice(this.#at))) this.#fail("something follows the value");
  }
}

/** Reads one JSON value and nothing after it; throws a RangeError that names the line. */
export function parseJson(text: string): Json {
  const p = new Parser(text);
  const v = p.value();
  p.end();
  return v;
}

const fileDepthMax = 8;

/**
 * Reads a file of any size that is one JSON object: throws a RangeError if an object in
 * it has two fields of one name, of which JSON.parse would take the last, or if it is
 * nested too deeply. Programs in Go read by the same rules (client/testdata/strict.json).
 */
export function parseFile(text: string): Record<string, unknown> {
  const f = JSON.parse(text) as unknown; // from here on every token is right
  if (typeof f !== "object" || f === null || Array.isArray(f)) throw new RangeError("not an object");
  const open: (Set<string> | undefined)[] = []; // the names of each open object; undefined is a list
  let name = false; // the next text is a name
  for (let at = 0; at < text.length; at++) {
    const c = text.charAt(at);
    if (c === "{" || c === "[") {
      if (open.push(c === "{" ? new Set() : undefined) > fileDepthMax) throw new RangeError("nested too deeply");
      name = c === "{";
    } else if (c === "}" || c === "]") {
      open.pop();
    } else if (c === ",") {
      name = open.at(-1) !== undefined;
    } else if (c === '"') {
      const end = endOfText(text, at);
      if (name) {
        const s = JSON.parse(text.slice(at, end + 1)) as string;
        if (open.at(-1)?.has(s)) throw new RangeError(`the field ${JSON.stringify(s)} stands twice`);
        open.at(-1)?.add(s);
        name = false;
      }
      at = end;
    }
  }
  return f as Record<string, unknown>;
}

/** Where the text that begins at a quotation mark ends. */
function endOfText(text: string, begin: number): number {
  for (let at = text.indexOf('"', begin + 1); ; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text.charAt(at - 1 - escapes) === "\\") escapes++;
    if (escapes % 2 === 0) return at;
  }
}

/** The JSON of a value that JSON.parse gave, with the fields in the order of their names. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join()}}`;
}

/** An instant as the API and files write it. */
export function timeAnswer(ms: number): { utc: string; ms: string } {
  return { utc: new Date(ms).toISOString(), ms: String(ms) };
}

// Writes src/codes.ts from the program's table of codes and src/answers.ts from the
// description of the API. With --check it only compares and fails on a difference.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const head = "// Made by `npm run generate`; do not edit.\n\n";

function codes() {
  const table = JSON.parse(execFileSync(path("../../../bin/scrip"), ["explain", "-o", "json"], { encoding: "utf8" }));
  const rows = table.map(
    (c) => `  ${JSON.stringify([c.code, c.name, c.word, c.explanation, c.advice, c.stage, c.exit])},\n`,
  );
  return `${head}/**
 * What people and tools are told about each code: those of the domain rules (E101 and on), and the words of the API.
 */
export interface CodeInfo {
  /** "E509", or a word of the API such as "lapsed". */
  readonly code: string;
  /** The upper-case name, such as "ALREADY_REDEEMED"; empty for words of the API. */
  readonly name: string;
  /** The one word that people read; several codes share one. Empty for words of the API. */
  readonly word: string;
  /** What happened, in one sentence. */
  readonly explanation: string;
  /** What to do about it. */
  readonly advice: string;
  /** 1, or 2 for codes that no transaction gives yet. */
  readonly stage: number;
  /** The exit status of the command line. */
  readonly exit: number;
}

type Row = readonly [string, string, string, string, string, number, number];

const table: readonly Row[] = [
${rows.join("")}];

const info = ([code, name, word, explanation, advice, stage, exit]: Row): CodeInfo => ({
  code,
  name,
  word,
  explanation,
  advice,
  stage,
  exit,
});

/** All codes, in ascending order. */
export function codes(): CodeInfo[] {
  return table.map(info);
}

/** What is known of a code, undefined for "OK" and for codes that this version does not know. */
export function codeInfo(code: string): CodeInfo | undefined {
  const row = table.find((r) => r[0] === code);
  return row && info(row);
}
`;
}

const refName = (schema) => schema.$ref?.split("/").pop();

// The type of a schema, in TypeScript and in the words that check() reads.
function typeOf(schema) {
  const ref = refName(schema);
  if (ref) return [ref, ref];
  const type = Array.isArray(schema.type) ? schema.type.find((t) => t !== "null") : schema.type;
  switch (type) {
    case "array": {
      const [ts, word] = typeOf(schema.items);
      return [`${ts}[]`, `[]${word}`];
    }
    case "string":
      return [schema.enum ? schema.enum.map((v) => JSON.stringify(v)).join(" | ") : "string", "s"];
    case "integer":
    case "number":
      return ["number", "n"];
    case "boolean":
      return ["boolean", "b"];
  }
  throw new Error(`a schema of type ${schema.type} is not known`);
}

function answers() {
  const api = JSON.parse(readFileSync(path("../../../api/openapi.json"), "utf8"));
  let types = "";
  let shapes = "";
  for (const [name, schema] of Object.entries(api.components.schemas)) {
    const required = new Set(schema.required ?? []);
    if (schema.description) types += `/** ${schema.description} */\n`;
    types += `export interface ${name} {\n`;
    shapes += `  ${name}: {`;
    const fields = [];
    for (const [field, s] of Object.entries(schema.properties ?? {})) {
      const [ts, word] = typeOf(s);
      const optional = !required.has(field);
      if (s.description) types += `  /** ${s.description}${s.contentEncoding ? " (base64)" : ""} */\n`;
      types += `  ${field}${optional ? "?" : ""}: ${ts};\n`;
      fields.push(` ${field}: "${optional ? "?" : ""}${word}"`);
    }
    types += "}\n\n";
    shapes += `${fields.join(",")} },\n`;
  }
  return `${head}/** The API's answers as they stand in JSON: numbers of 64 bits are decimal strings, bytes are base64. */

${types}/** The answers by name. */
export interface Answers {
${Object.keys(api.components.schemas)
  .map((n) => `  ${n}: ${n};\n`)
  .join("")}}

/** Their shapes, as check() reads them: s, n, b, a name, []list; ? may be absent. */
export const shapes: Readonly<Record<keyof Answers, Readonly<Record<string, string>>>> = {
${shapes}};
`;
}

let stale = false;
for (const [file, make] of [
  ["../src/codes.ts", codes],
  ["../src/answers.ts", answers],
]) {
  const want = make();
  if (!process.argv.includes("--check")) writeFileSync(path(file), want);
  else if (readFileSync(path(file), "utf8") !== want) {
    console.error(`${file.slice(3)} is not current: run npm run generate`);
    stale = true;
  }
}
process.exitCode = stale ? 1 : 0;

/** Circles of imports. A type counts as much as a value: who reads one module must read all of its circle. */
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";

/**
 * The modules below a folder, each with those that it imports or fetches later, by their paths. `alias` gives
 * the path of an import that is not relative; what it has none for is a package's.
 */
export function importsIn(folder: string, alias: (name: string) => string | undefined = () => undefined): Imports {
  const files = readdirSync(folder, { recursive: true }).filter((f) => /\.tsx?$/.test(f as string)) as string[];
  return new Map(
    files.map((file) => {
      const from = path.join(folder, file);
      const names = readFileSync(from, "utf8").matchAll(/(?:\bfrom\s|^import\s|\bimport\()\s*"([^"]+)"/gm);
      const paths = [...names].map(([, name = ""]) =>
        name.startsWith(".") ? path.join(path.dirname(from), name) : alias(name),
      );
      return [from, paths.filter((p) => p !== undefined && /\.tsx?$/.test(p)) as string[]];
    }),
  );
}

/** Modules, each with those that it imports. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/** A circle of imports, from a module back to itself; undefined if there is none. Throws at an import of no module. */
export function circleIn(imports: Imports): string[] | undefined {
  const done = new Set<string>();
  const search = (module: string, way: string[]): string[] | undefined => {
    if (way.includes(module)) return [...way.slice(way.indexOf(module)), module];
    if (done.has(module)) return undefined;
    const next = imports.get(module);
    if (!next) throw new Error(`${way.at(-1)} imports ${module}, which is not there`);
    for (const n of next) {
      const found = search(n, [...way, module]);
      if (found) return found;
    }
    done.add(module);
    return undefined;
  };
  for (const module of imports.keys()) {
    const found = search(module, []);
    if (found) return found;
  }
  return undefined;
}

import { RegistryError } from "../../oci/index.ts";
import { apiPrefix } from "../../contract/index.ts";
import type { Endpoint, Endpoints } from "../../contract/index.ts";

/** A path that the table knows, with what each method does there. */
interface Shape {
  readonly before: readonly Part[];
  /** Name of the parameter that takes any number of segments, and how many it takes at least. */
  readonly many: { readonly name: string; readonly least: 0 | 1 } | undefined;
  readonly after: readonly Part[];
  /** Operation's id by method. */
  readonly methods: Map<string, string>;
}

type Part = { readonly word: string } | { readonly parameter: string };

/** Where a request leads. */
export interface Match {
  /** Of the operation; undefined when the path takes other methods only. */
  readonly id: string | undefined;
  readonly methods: readonly string[];
  /** Decoded once. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Ends a name that consists of segments; no component of a name is a dash. */
const end = "-";

/** The paths of a table, most words first, so that a word wins over a parameter. */
export function compileRoutes(table: Endpoints): readonly Shape[] {
  const shapes = new Map<string, Shape>();
  for (const [id, { path, method }] of Object.entries(table)) {
    const shape = shapes.get(path) ?? compilePath(path);
    shapes.set(path, shape);
    shape.methods.set(method, id);
  }
  const words = ({ before, after }: Shape) => [...before, ...after].filter((part) => "word" in part).length;
  return [...shapes.values()].toSorted((a, b) => words(b) - words(a));
}

function compilePath(path: Endpoint["path"]): Shape {
  const segments = path.slice(1).split("/");
  const at = segments.findIndex((segment) => /^\{\w+[+*]\}$/.test(segment));
  const parts = (texts: readonly string[]) =>
    texts.map((text): Part => (text.startsWith("{") ? { parameter: text.slice(1, -1) } : { word: text }));
  if (at < 0) return { before: parts(segments), many: undefined, after: [], methods: new Map() };
  const many = segments[at]!;
  return {
    before: parts(segments.slice(0, at)),
    many: { name: many.slice(1, -2), least: many.at(-2) === "+" ? 1 : 0 },
    after: parts(segments.slice(at + 1)),
    methods: new Map(),
  };
}

/**
 * Finds the operation of a path as it was sent. Segments are compared before they are decoded, and decoded once.
 * Undefined when no route has this form.
 * @throws RegistryError REQUEST_INVALID for a percent sign that encodes nothing
 */
export function matchRoute(shapes: readonly Shape[], method: string, path: string): Match | undefined {
  if (!path.startsWith(`${apiPrefix}/`)) return undefined;
  const segments = path.slice(apiPrefix.length + 1).split("/");
  if (segments.some((segment) => segment === "" || isDots(segment))) return undefined;
  for (const { before, many, after, methods } of shapes) {
    const parameters = matchSegments(segments, before, many, after);
    if (parameters === undefined) continue;
    return { id: methods.get(method === "HEAD" ? "GET" : method), methods: [...methods.keys()], parameters };
  }
  return undefined;
}

/** `.` and `..`, however they are spelt. */
function isDots(segment: string): boolean {
  return /^(?:\.|%2e){1,2}$/i.test(segment);
}

function matchSegments(
  segments: readonly string[],
  before: readonly Part[],
  many: Shape["many"],
  after: readonly Part[],
): Record<string, string> | undefined {
  const length = segments.length - before.length - after.length;
  if (many === undefined ? length !== 0 : length < 0) return undefined;
  const found: Record<string, string> = {};
  const take = (parts: readonly Part[], from: number) =>
    parts.every((part, index) => {
      const segment = segments[from + index]!;
      if ("word" in part) return part.word === segment;
      found[part.parameter] = decodeSegment(segment);
      return true;
    });
  if (!take(before, 0) || !take(after, segments.length - after.length)) return undefined;
  if (many === undefined) return found;
  // Alone, the dash stands for the root; before more segments, it is theirs.
  const own = segments.slice(before.length, segments.length - after.length);
  const named = after.length === 0 && own.length === 1 && own[0] === end ? [] : own;
  if (named.includes(end) || (many.least === 1 && named.length === 0) || own.length + after.length === 0)
    return undefined;
  found[many.name] = named.map(decodeSegment).join("/");
  return found;
}

function decodeSegment(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new RegistryError("REQUEST_INVALID", "the path has a percent sign that encodes nothing: encode it as %25");
  }
}

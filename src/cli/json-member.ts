/** Where a member of an object stands in JSON text. */
interface Member {
  readonly key: string;
  /** Of its key's opening quote. */
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

/**
 * Sets a text within an object of the top-level object, and leaves every other character as it is.
 * @param json valid JSON of an object; when `outer` is there, it is an object
 */
export function setMember(json: string, outer: string, inner: string, value: string): string {
  const root = json.indexOf("{");
  const found = membersOf(json, root).findLast(({ key }) => key === outer);
  if (found === undefined) {
    const space = spaceIn(json, root);
    const entry = `${JSON.stringify(inner)}:${gapOf(space)}${JSON.stringify(value)}`;
    return insertFirst(json, root, `${JSON.stringify(outer)}:${gapOf(space)}{${deepen(space)}${entry}${space}}`);
  }
  const members = membersOf(json, found.valueStart);
  const old = members.findLast(({ key }) => key === inner);
  if (old !== undefined) return json.slice(0, old.valueStart) + JSON.stringify(value) + json.slice(old.end);
  const gap = gapOf(spaceIn(json, root));
  return insertFirst(json, found.valueStart, `${JSON.stringify(inner)}:${gap}${JSON.stringify(value)}`, root);
}

/** Takes a member out of an object of the top-level object, and leaves every other character as it is. */
export function removeMember(json: string, outer: string, inner: string): string {
  const found = membersOf(json, json.indexOf("{")).findLast(({ key }) => key === outer);
  if (found === undefined) return json;
  const members = membersOf(json, found.valueStart);
  const at = members.findLastIndex(({ key }) => key === inner);
  if (at < 0) return json;
  const [before, old, after] = [members[at - 1], members[at]!, members[at + 1]];
  if (after !== undefined) return json.slice(0, old.start) + json.slice(after.start);
  if (before !== undefined) return json.slice(0, before.end) + json.slice(old.end);
  return `${json.slice(0, found.valueStart)}{}${json.slice(found.end)}`;
}

const token =
  /\s*(?:"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-f]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?|true|false|null|[{}[\],:])/iuy;

/** Index at which the text stops to be JSON; undefined when all of it is. `JSON.parse` does not always say. */
export function findBreak(text: string): number | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    // Where, is looked for below.
  }
  const open: string[] = [];
  let wanted = "value";
  for (let at = 0; ;) {
    token.lastIndex = at;
    const found = token.exec(text)?.[0];
    const mark = found?.trimStart();
    const start = skipSpace(text, at);
    if (mark === undefined || found === undefined) return start;
    const next = step(wanted, mark, open);
    if (next === undefined) return start;
    wanted = next;
    at += found.length;
  }
}

/** What may follow this token; undefined when it may not stand here. */
function step(wanted: string, mark: string, open: string[]): string | undefined {
  const within = () => (open.length === 0 ? "end" : "comma");
  const isValue = !/^[{}[\],:]$/.test(mark);
  const kinds = wanted.split(" ");
  if (mark === open.at(-1) && (kinds.includes("comma") || kinds.includes("close"))) {
    open.pop();
    return within();
  }
  if (kinds.includes("value") && mark === "{") return (open.push("}"), "key close");
  if (kinds.includes("value") && mark === "[") return (open.push("]"), "value close");
  if (kinds.includes("value") && isValue) return within();
  if (kinds.includes("key") && mark.startsWith('"')) return "colon";
  if (kinds.includes("colon") && mark === ":") return "value";
  if (kinds.includes("comma") && mark === ",") return open.at(-1) === "}" ? "key" : "value";
  return undefined;
}

/** Puts a member before the others of the object that opens here, with the space that they have. */
function insertFirst(json: string, open: number, member: string, root = open): string {
  const empty = membersOf(json, open).length === 0;
  const end = json.indexOf("}", open);
  if (!empty) return `${json.slice(0, open + 1)}${spaceIn(json, open)}${member},${json.slice(open + 1)}`;
  const space = spaceIn(json, root);
  const [before, after] = open === root ? [space, "\n"] : [deepen(space), space];
  return json.slice(0, open + 1) + before + member + after + json.slice(end);
}

/** White space before the first member; that of docker where there is none. */
function spaceIn(json: string, open: number): string {
  const space = /\s*/y;
  space.lastIndex = open + 1;
  const found = space.exec(json)![0];
  return json[open + 1 + found.length] === "}" ? "\n\t" : found;
}

/** One step further to the right, where there are lines. */
function deepen(space: string): string {
  return space.includes("\n") ? space + space.slice(space.lastIndexOf("\n") + 1) : space;
}

function gapOf(space: string): string {
  return space === "" ? "" : " ";
}

/** Members of the object that opens here, in their order. */
function membersOf(json: string, open: number): Member[] {
  const members: Member[] = [];
  let at = skipSpace(json, open + 1);
  while (json[at] !== "}") {
    const start = at;
    at = endOfString(json, start);
    const key = JSON.parse(json.slice(start, at)) as string;
    const valueStart = skipSpace(json, skipSpace(json, at) + 1);
    at = endOfValue(json, valueStart);
    members.push({ key, start, valueStart, end: at });
    at = skipSpace(json, at);
    if (json[at] === ",") at = skipSpace(json, at + 1);
  }
  return members;
}

function endOfValue(json: string, start: number): number {
  if (json[start] === '"') return endOfString(json, start);
  let depth = 0;
  for (let at = start; at < json.length; at++) {
    const character = json[at]!;
    if (character === '"') at = endOfString(json, at) - 1;
    else if (character === "{" || character === "[") depth++;
    else if (depth > 0 && (character === "}" || character === "]")) {
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && /[\s,}\]]/.test(character)) return at;
  }
  return json.length;
}

function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}

function skipSpace(json: string, start: number): number {
  let at = start;
  while (/\s/.test(json[at] ?? "")) at++;
  return at;
}

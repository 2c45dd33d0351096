import { RegistryError } from "./error.ts";

/** Containers within containers at most. */
export const depthLimit = 64;

const quote = 0x22;
const backslash = 0x5c;

/**
 * Looks once over JSON text, without recursion: refuses nesting deeper than {@link depthLimit} and objects that name a
 * key twice, which parsers read differently. It does not check the grammar; `JSON.parse` does that afterwards.
 * @throws RegistryError MANIFEST_INVALID
 */
export function checkJson(text: string): void {
  // One set of keys for each open object, undefined for an open list.
  const open: (Set<string> | undefined)[] = [];
  let keyNext = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote: {
        const end = endOfString(text, at);
        if (keyNext) {
          refuseTwice(open[open.length - 1], text.slice(at, end + 1));
          keyNext = false;
        }
        at = end;
        break;
      }
      case 0x7b: // {
        open.push(new Set());
        refuseDeep(open.length);
        keyNext = true;
        break;
      case 0x5b: // [
        open.push(undefined);
        refuseDeep(open.length);
        keyNext = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        keyNext = false;
        break;
      case 0x2c: // ,
        keyNext = open[open.length - 1] !== undefined;
        break;
    }
  }
}

/** Index of the closing quote, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) return at;
    if (code === backslash) at++;
  }
  return text.length;
}

function refuseTwice(keys: Set<string> | undefined, written: string): void {
  if (keys === undefined) return;
  const key = written.includes("\\") ? unescape(written) : written.slice(1, -1);
  if (keys.has(key)) {
    throw new RegistryError(
      "MANIFEST_INVALID",
      "the manifest names a key twice in one object, which tools read differently: remove one",
      {
        detail: { key: key.slice(0, 100) },
      },
    );
  }
  keys.add(key);
}

function unescape(written: string): string {
  try {
    return String(JSON.parse(written));
  } catch {
    return written;
  }
}

function refuseDeep(depth: number): void {
  if (depth <= depthLimit) return;
  throw new RegistryError(
    "MANIFEST_INVALID",
    `the manifest nests more than ${depthLimit} objects and lists: flatten it`,
  );
}

import type { Patterns } from "./form.ts";
import { PolicyFault } from "./policy-fault.ts";

/**
 * Compiles a pattern of Harbor: `*` is any run of characters but a slash, `**` any run, `?` one character but a slash,
 * `[a-z]` and `[^a-z]` a class, `{a,b}` alternatives, `\` takes the next character as it is. An empty one matches all.
 * @throws PolicyFault
 */
export function parseDoublestar(pattern: string, patterns: Patterns): (text: string) => boolean {
  if (pattern === "" || pattern === "**") return () => true;
  const source = translate(pattern);
  try {
    return patterns.regex(source);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw syntaxFault(pattern);
  }
}

function syntaxFault(pattern: string): PolicyFault {
  return new PolicyFault(`the pattern ${JSON.stringify(pattern)} has a syntax error: close its brackets and braces`);
}

function translate(pattern: string): string {
  let source = "";
  let depth = 0;
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    if (char === "*") {
      const stars = /^\*+/.exec(pattern.slice(at))![0].length;
      const alone = /(?:^|\/)$/.test(pattern.slice(0, at)) && /^(?:\/|$)/.test(pattern.slice(at + stars));
      at += stars - 1;
      if (stars < 2 || !alone) source += "[^/]*";
      // `a/**/b` matches `a/b`, too.
      else if (pattern[at + 1] === "/") {
        at++;
        source += "(?:.*/)?";
      } else source += ".*";
    } else if (char === "?") source += "[^/]";
    else if (char === "[") {
      const end = pattern.indexOf("]", at + 2);
      if (end < 0) throw syntaxFault(pattern);
      source += `[${pattern
        .slice(at + 1, end)
        .replaceAll("[", String.raw`\[`)
        .replace(/^!/, "^")}]`;
      at = end;
    } else if (char === "{") {
      depth++;
      source += "(?:";
    } else if (char === "}" && depth > 0) {
      depth--;
      source += ")";
    } else if (char === "," && depth > 0) source += "|";
    else if (char === "\\") {
      at++;
      if (at === pattern.length) throw syntaxFault(pattern);
      source += literal(pattern[at]!);
    } else source += literal(char);
  }
  if (depth > 0) throw syntaxFault(pattern);
  return source;
}

function literal(char: string): string {
  return /[\w/-]/.test(char) || char > "\u007f" ? char : `\\${char}`;
}

import { RE2JS, RE2JSSyntaxException } from "re2js";

/** A regular expression whose matching takes time that grows linearly with the text, whatever its author wrote. */
export interface LinearPattern {
  readonly source: string;
  /** Whether the whole text matches. */
  matches(text: string): boolean;
  /** Whether any part of the text matches. */
  finds(text: string): boolean;
}

/** Characters of an expression. */
const lengthLimit = 500;

/**
 * Compiles an expression in RE2's syntax: no back references, no look-around.
 * @throws SyntaxError in words that may be shown to its author
 */
export function parseLinearPattern(source: string): LinearPattern {
  if (source.length > lengthLimit) throw new SyntaxError(`the expression has more than ${lengthLimit} characters`);
  try {
    const compiled = RE2JS.compile(source);
    return {
      source,
      matches: (text) => compiled.matches(text),
      finds: (text) => compiled.matcher(text).find(),
    };
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    throw new SyntaxError(`${JSON.stringify(source)} is no regular expression of RE2: ${error.message}`, {
      cause: error,
    });
  }
}

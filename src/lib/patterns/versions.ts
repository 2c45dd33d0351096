import { Range, SemVer } from "semver";

/** A version by Semantic Versioning 2.0.0. */
export interface ParsedVersion {
  /** Below, equal to or above 0, by precedence. */
  compare(other: ParsedVersion): number;
}

/** Characters of a range. */
const lengthLimit = 256;

class SemanticVersion implements ParsedVersion {
  readonly parsed: SemVer;

  constructor(text: string) {
    this.parsed = new SemVer(text);
  }

  compare(other: SemanticVersion): number {
    return this.parsed.compare(other.parsed);
  }
}

/** The version that a text names, with or without `v` before it; undefined when it is none, such as `1.2`. */
export function findVersion(text: string): ParsedVersion | undefined {
  // Most texts are none: an exception for each would cost more than the parsing.
  if (!/^v?\d+\.\d+\.\d/.test(text)) return undefined;
  try {
    return new SemanticVersion(text);
  } catch {
    return undefined;
  }
}

/**
 * Whether versions lie in a range in npm's syntax: `>=1.2 <2`, `^1.4`, `1.x || >=3`. A pre-release does only where the range
 * names one of the same version.
 * @throws SyntaxError in words that may be shown to its author
 */
export function parseVersionRange(source: string): (version: ParsedVersion) => boolean {
  if (source.length > lengthLimit) throw new SyntaxError(`the range has more than ${lengthLimit} characters`);
  let range: Range;
  try {
    range = new Range(source);
  } catch (error) {
    throw new SyntaxError(`${JSON.stringify(source)} is no range of versions such as ">=1.2 <2"`, { cause: error });
  }
  return (version) => range.test((version as SemanticVersion).parsed);
}

/** Settings that cannot be used: one sentence for each problem, with where it stands and what to do. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[], options?: { cause?: unknown }) {
    super(problems.join("\n"), options);
    this.problems = problems;
  }
}

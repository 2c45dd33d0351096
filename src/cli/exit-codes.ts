/** What a command ends with; documented in `docs/cli.md`. */
export const exitCodes = {
  /** Done; for checks: nothing was found. */
  done: 0,
  /** Something broke that is not listed below. */
  failed: 1,
  /** The command line or the settings cannot be used. */
  usage: 2,
  /** A port, directory, database or store cannot be had now. */
  unavailable: 3,
  /** A check found something wrong, or collection is off. */
  found: 4,
} as const;

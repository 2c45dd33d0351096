import type { Log } from "../lib/index.ts";

/** Standard output belongs to a command's result; what its work warns of goes to standard error. */
export const commandLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: tell,
  error: tell,
  line: undefined,
};

function tell(message: string, facts?: object): void {
  process.stderr.write(`berth: ${message}${facts === undefined ? "" : ` ${JSON.stringify(facts)}`}\n`);
}

import { exitCodes } from "./exit-codes.ts";

/** A command cannot do what it was asked: one sentence that says what happened, why, and what to do. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;
  constructor(
    message: string,
    { exitCode = exitCodes.failed, cause }: { readonly exitCode?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}

/** The command line cannot be used as it was given. */
export function usageError(message: string): CommandError {
  return new CommandError(message, { exitCode: exitCodes.usage });
}

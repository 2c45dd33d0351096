/** What an operation answers when it refuses; `type` is the name of an error of the service's model, or of the protocol. */
export class EcrError extends Error {
  override readonly name = "EcrError";
  /** `RepositoryNotFoundException`, … */
  readonly type: string;
  /** Members beside the message. */
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(type: string, message: string, extra: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.type = type;
    this.extra = extra;
  }
}

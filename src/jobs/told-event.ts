/** An event as it is told. */
export interface ToldEvent {
  /** The same each time it is sent. */
  readonly id: string;
  readonly type: string;
  /** Name of the repository, path of a namespace, or empty for the server. */
  readonly repository: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** As `metadata` keeps it: `target`, `principal` and the facts of the change. */
  readonly payload: Readonly<Record<string, unknown>>;
}

/** A repository as clients of ECR know it. */
export interface EcrPlace {
  /** Twelve digits. */
  readonly account: string;
  readonly region: string;
  /** Within the account. */
  readonly name: string;
  readonly arn: string;
}

/** What is sent. */
export interface Message {
  /** Beside the event's id, where several messages tell of it. */
  readonly part?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

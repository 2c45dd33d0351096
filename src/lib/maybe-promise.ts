/** A value that is there, or comes later; `await` takes both. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * Goes on with a value as soon as it is there. Where it is there already, nothing is put off: an answer made of rows that
 * SQLite gives at once leaves in the turn that asked for it.
 */
export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

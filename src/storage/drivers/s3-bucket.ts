import { S3Client } from "@aws-sdk/client-s3";
import { StorageError } from "../driver.ts";
import type { ObjectKey } from "../driver.ts";
import { RetryBudget, retry, statusOf, toStorageError } from "./s3-retry.ts";
import type { S3Options } from "./s3-options.ts";

/** A try in which no byte moves for this long is given up, in milliseconds. */
const idle = 7_000;
/** Parts that are sent at once by this process. */
const sendersAtOnce = 32;

const nothing = () => undefined;
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/** What a try is given: an end to its request, and a way to say that bytes still move. */
export interface Try {
  readonly client: S3Client;
  readonly options: { readonly abortSignal: AbortSignal };
  readonly progress: () => void;
}

/** A bucket and how it is talked to. */
export class Bucket {
  readonly name: string;
  readonly client: S3Client;
  readonly #prefix: string;
  readonly #budget = new RetryBudget();
  readonly #later = new Set<Promise<void>>();
  readonly #line: (() => void)[] = [];
  #sending = 0;
  #conditions = true;

  constructor(options: S3Options) {
    const { bucket, prefix, endpoint, region, pathStyle, credentials } = options;
    this.name = bucket;
    this.#prefix = prefix === "" ? "" : `${prefix}/`;
    const where = region ?? (endpoint === undefined ? undefined : "us-east-1");
    this.client = new S3Client({
      ...(where === undefined ? {} : { region: where }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials: { ...credentials } }),
      forcePathStyle: pathStyle ?? endpoint !== undefined,
      // What fails is told by the error; the library would write it to the console, too.
      logger: silent,
      // Tries are repeated here, where a body can be made anew.
      maxAttempts: 1,
      // Checksums are given with each call; those of answers are checked by the blob store.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      expectContinueHeader: false,
      // Every reader holds a connection; the listener limits how many there are.
      requestHandler: { connectionTimeout: 3_000, httpAgent: { maxSockets: 4_096 }, httpsAgent: { maxSockets: 4_096 } },
    });
  }

  /** The object's key in the bucket. */
  nameOf(key: ObjectKey): string {
    return this.#prefix + key;
  }

  /** The key of a name in the bucket, undefined for what is not ours. */
  findKey(name: string): ObjectKey | undefined {
    return name.startsWith(this.#prefix) ? name.slice(this.#prefix.length) : undefined;
  }

  /** Makes the server refuse a key that was used before, where it can. */
  onlyNew(): { readonly IfNoneMatch?: "*" } {
    return this.#conditions ? { IfNoneMatch: "*" } : {};
  }

  /**
   * Makes a call, again while that may help.
   * @param doing for the error: `cannot …`
   * @param patience milliseconds without a byte after which a try is given up
   * @throws StorageError
   */
  async call<T>(doing: string, attempt: (one: Try) => Promise<T>, patience: number = idle): Promise<T> {
    try {
      return await retry(this.#budget, () => this.#try(attempt, patience));
    } catch (cause) {
      throw toStorageError(cause, doing);
    }
  }

  /** Makes a call once, for what something else will do later if it fails. @throws StorageError */
  async callOnce<T>(doing: string, attempt: (one: Try) => Promise<T>): Promise<T> {
    try {
      return await this.#try(attempt, idle);
    } catch (cause) {
      throw toStorageError(cause, doing);
    }
  }

  /** Lets a call go on whose end nobody waits for and whose failure does no harm. */
  later(work: Promise<unknown>): void {
    const tracked = work.then(
      () => undefined,
      () => undefined,
    );
    this.#later.add(tracked);
    void tracked.then(() => this.#later.delete(tracked));
  }

  /** Sends a part when its turn has come. */
  async inTurn<T>(send: () => Promise<T>): Promise<T> {
    if (this.#sending >= sendersAtOnce) await new Promise<void>((resolve) => this.#line.push(resolve));
    else this.#sending++;
    try {
      return await send();
    } finally {
      const next = this.#line.shift();
      if (next === undefined) this.#sending--;
      else next();
    }
  }

  /** Continues after a failure in the middle of an answer, as {@link call} does. @throws StorageError */
  async goOn<T>(doing: string, attempt: () => Promise<T>): Promise<T> {
    try {
      return await retry(this.#budget, attempt);
    } catch (cause) {
      throw toStorageError(cause, doing);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#later);
    this.client.destroy();
  }

  async #try<T>(attempt: (one: Try) => Promise<T>, patience: number): Promise<T> {
    const stop = new AbortController();
    let late = false;
    const watch = setTimeout(() => {
      late = true;
      stop.abort();
    }, patience);
    const one = { client: this.client, options: { abortSignal: stop.signal }, progress: () => void watch.refresh() };
    try {
      return await attempt(one);
    } catch (error) {
      // A request whose answer came early may still be sending.
      stop.abort();
      if (this.#conditions && statusOf(error) === 501) {
        this.#conditions = false;
        throw new StorageError("unavailable", "the S3 server knows no conditional writes", { cause: error });
      }
      if (!late) throw error;
      throw new StorageError("unavailable", `the S3 server did nothing for ${patience / 1000} seconds`, {
        cause: error,
      });
    } finally {
      clearTimeout(watch);
    }
  }
}

import { StorageError } from "../driver.ts";
import type { BlobDriver, ObjectWriter, StorageErrorReason } from "../driver.ts";

type Call = "create" | "resume" | "read" | "write" | "suspend" | "finish";

/** A real driver whose calls fail as long as they are told to. */
export class FailingDriver {
  readonly driver: BlobDriver;
  readonly #failing = new Map<Call, StorageErrorReason>();

  constructor(inner: BlobDriver) {
    const check = (call: Call): void => {
      const reason = this.#failing.get(call);
      if (reason !== undefined) throw new StorageError(reason, `${call} was told to fail`);
    };
    const wrap = (writer: ObjectWriter): ObjectWriter => ({
      key: writer.key,
      get size() {
        return writer.size;
      },
      async write(chunk) {
        check("write");
        await writer.write(chunk);
      },
      async suspend() {
        check("suspend");
        return writer.suspend();
      },
      async finish() {
        check("finish");
        await writer.finish();
      },
      release: () => writer.release(),
      abort: () => writer.abort(),
    });
    this.driver = {
      ...inner,
      async create(key) {
        check("create");
        return wrap(await inner.create(key));
      },
      async resume(key, state) {
        check("resume");
        return wrap(await inner.resume(key, state));
      },
      async read(key, range) {
        check("read");
        return inner.read(key, range);
      },
    };
  }

  /** From now on the call fails; with undefined it works again. */
  fail(call: Call, reason: StorageErrorReason | undefined): void {
    if (reason === undefined) this.#failing.delete(call);
    else this.#failing.set(call, reason);
  }
}

import { connect } from "node:net";
import type { Socket } from "node:net";

/** What the load needs to know of an answer; the body is counted, not kept. */
export interface RawAnswer {
  readonly status: number;
  /** The head of the answer as it came. */
  readonly head: string;
}

/** One keep-alive connection, one request at a time, no more parsing than the load needs. */
export class RawConnection {
  /** The lines of a head that say who asks; empty for nobody. */
  readonly login: string;
  readonly #socket: Socket;
  #pending: Buffer = Buffer.alloc(0);
  #head: string | undefined;
  #bodyLeft = 0;
  #resolve: ((answer: RawAnswer) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  constructor(socket: Socket, authorization?: string) {
    this.login = authorization === undefined ? "" : `Authorization: ${authorization}\r\n`;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#take(chunk as Buffer));
    const fail = (error?: Error) => this.#reject?.(error ?? new Error("the connection was closed"));
    socket.on("error", fail);
    socket.on("close", () => fail());
  }

  /** Sends a request as it is and resolves with its answer. Answers have a Content-Length, or no body. */
  send(...parts: readonly Uint8Array[]): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#socket.cork();
      for (const part of parts) this.#socket.write(part);
      this.#socket.uncork();
    });
  }

  /** Writes a part of a request; resolves when it has left, so that its bytes may change. */
  write(part: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => this.#socket.write(part, (error) => (error ? reject(error) : resolve())));
  }

  /** The answer to what was written. */
  answer(): Promise<RawAnswer> {
    return this.send();
  }

  close(): void {
    this.#reject = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#head === undefined) {
      const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
      const end = bytes.indexOf("\r\n\r\n");
      if (end < 0) {
        this.#pending = bytes;
        return;
      }
      this.#pending = Buffer.alloc(0);
      this.#head = bytes.toString("latin1", 0, end + 2);
      this.#bodyLeft = Number(findHeader(this.#head, "content-length") ?? 0) - (bytes.length - end - 4);
    } else {
      this.#bodyLeft -= chunk.length;
    }
    if (this.#bodyLeft > 0) return;
    const head = this.#head;
    this.#head = undefined;
    this.#resolve?.({ status: Number(head.slice(9, 12)), head });
  }
}

/** @throws Error when nobody listens */
export function openRaw(port: number, authorization?: string): Promise<RawConnection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(new RawConnection(socket, authorization));
    });
  });
}

/** A header of an answer, in any case. */
export function findHeader(head: string, name: string): string | undefined {
  const lower = head.toLowerCase();
  const at = lower.indexOf(`\r\n${name}:`);
  if (at < 0) return undefined;
  const start = at + name.length + 3;
  return head.slice(start, head.indexOf("\r\n", start)).trim();
}

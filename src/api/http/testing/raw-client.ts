import { connect } from "node:net";
import type { Socket } from "node:net";

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A client that sends exactly the bytes it is told to, and reads answers one after the other. */
export class RawClient {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("end", end);
    socket.on("close", end);
    socket.on("error", end);
  }

  send(bytes: string | Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** The next answer, interim ones (100) too. Undefined when the connection ended before one was whole. */
  async read(method = "GET"): Promise<RawAnswer | undefined> {
    for (;;) {
      const answer = this.#parse(method);
      if (answer !== undefined) return answer;
      if (this.#ended) return undefined;
      await this.#more();
    }
  }

  /** Resolves when the server has closed its side. */
  async ended(): Promise<void> {
    while (!this.#ended) await this.#more();
  }

  close(): void {
    this.socket.destroy();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  #parse(method: string): RawAnswer | undefined {
    const end = this.#received.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const [first = "", ...lines] = this.#received.subarray(0, end).toString("latin1").split("\r\n");
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const status = Number(first.split(" ")[1]);
    const bare = method === "HEAD" || status < 200 || status === 204 || status === 304;
    const length = bare ? 0 : Number(headers["content-length"] ?? 0);
    const whole = end + 4 + length;
    if (this.#received.length < whole) return undefined;
    const body = this.#received.subarray(end + 4, whole).toString();
    this.#received = this.#received.subarray(whole);
    return { status, headers, body };
  }
}

/** Connects to this machine. */
export function openRawClient(port: number): Promise<RawClient> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(new RawClient(socket));
    });
  });
}

/** Sends bytes on a connection of their own and gives the first answer; undefined when the connection ends without one. */
export async function ask(port: number, bytes: string | Uint8Array): Promise<RawAnswer | undefined> {
  const client = await openRawClient(port);
  client.send(bytes);
  const answer = await client.read();
  client.close();
  return answer;
}

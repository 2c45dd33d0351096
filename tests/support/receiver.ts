import { createServer } from "node:http";
import type { IncomingHttpHeaders, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A message that came. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly path: string;
}

/** What a receiver does with a message; the answer is 204 when it returns nothing and did not answer itself. */
export type Reaction = (
  message: Received,
  response: ServerResponse,
) => number | "itself" | undefined | Promise<number | "itself" | undefined>;

/** Takes messages on a port of loopback, as receivers of webhooks do. */
export class Receiver {
  readonly got: Received[] = [];
  /** May be changed on the way. */
  react: Reaction = () => undefined;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param port any free one when left out */
  static async open(port = 0): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on("request", (request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => (body += text));
      request.on(
        "end",
        () => void receiver.#take({ headers: request.headers, body, path: request.url ?? "" }, response),
      );
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return receiver;
  }

  async #take(message: Received, response: ServerResponse): Promise<void> {
    this.got.push(message);
    const status = await this.react(message, response);
    if (status === "itself") return;
    response.writeHead(status ?? 204).end();
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

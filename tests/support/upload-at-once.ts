import { createHash, randomBytes } from "node:crypto";
import { Agent, request } from "node:http";

interface Answered {
  readonly status: number;
  readonly text: string;
}

/** A client with a connection for each of its requests, and two namespaces: `free`, and `counted` with quotas. */
export class UploadsAtOnce {
  readonly #agent: Agent;
  readonly #url: string;
  readonly #uploads: number;

  /** @param url of an open server */
  constructor(url: string, uploads: number) {
    this.#url = url;
    this.#uploads = uploads;
    this.#agent = new Agent({ keepAlive: true, maxSockets: uploads });
  }

  /** Makes both namespaces. @throws Error when the settings are refused */
  async prepare(): Promise<void> {
    await this.#set("free", { description: "no quota" });
    await this.#set("counted", { quotaStorage: 100 * 1024 ** 3, quotaRepositories: 1_000 });
  }

  /** A KiB for each upload, into 50 repositories, all at once. @returns milliseconds, and what was not stored */
  async run(namespace: "free" | "counted"): Promise<{ readonly took: number; readonly refused: readonly Answered[] }> {
    const bodies = Array.from({ length: this.#uploads }, () => randomBytes(1_024));
    const began = performance.now();
    const answers = await Promise.all(
      bodies.map((body, index) => {
        const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
        return this.ask("POST", `/v2/${namespace}/app-${index % 50}/blobs/uploads/?digest=${digest}`, body);
      }),
    );
    return { took: performance.now() - began, refused: answers.filter(({ status }) => status !== 201) };
  }

  ask(method: string, path: string, body?: Buffer | object): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const isBytes = Buffer.isBuffer(body);
      const headers = isBytes || body === undefined ? {} : { "content-type": "application/json" };
      const asked = request(this.#url + path, { method, agent: this.#agent, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => void chunks.push(chunk));
        answer.on("end", () => resolve({ status: answer.statusCode!, text: Buffer.concat(chunks).toString() }));
      });
      asked.on("error", reject);
      asked.end(isBytes || body === undefined ? body : JSON.stringify(body));
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  async #set(path: string, set: object): Promise<void> {
    await this.ask("POST", "/api/v1/namespaces", { path });
    const { status, text } = await this.ask("PATCH", `/api/v1/namespaces/${path}/-/settings`, { set });
    if (status !== 200) throw new Error(text);
  }
}

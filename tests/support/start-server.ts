import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../../src/config.ts";
import type { Config, Settings } from "../../src/config.ts";
import { formatAddress } from "../../src/lib/index.ts";
import type { Log } from "../../src/lib/index.ts";
import { startServer } from "../../src/server.ts";

/** A line that the server logged. */
export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Keeps what is logged, for tests to look at. */
export class KeptLog implements Log {
  readonly lines: LogLine[] = [];
  debug = this.#keep("debug");
  info = this.#keep("info");
  warn = this.#keep("warn");
  error = this.#keep("error");
  /** Lines of requests. */
  readonly requests: string[] = [];
  line = (text: string) => void this.requests.push(text);

  #keep(level: LogLine["level"]) {
    return (message: string, facts: object = {}) => void this.lines.push({ level, message, facts: { ...facts } });
  }
}

export interface TestServer {
  readonly config: Config;
  /** `127.0.0.1:40123` */
  readonly host: string;
  /** `http://127.0.0.1:40123` */
  readonly url: string;
  readonly log: KeptLog;
  /** Lines of level error, for a last test that expects none. */
  readonly errors: readonly LogLine[];
  /** Stops; the data directory stays. */
  stop(): Promise<void>;
  /** Starts what was stopped, at another port. */
  start(): Promise<void>;
  /** Stops and starts again with the same settings, at another port. */
  restart(): Promise<void>;
  /** Stops, and removes the data directory if it was made here. */
  close(): Promise<void>;
}

/**
 * Starts a server in this process: any free port, open, no ops listener, a data directory of its own under the
 * system's temporary one. `overrides` are settings as a configuration file would hold them.
 */
export async function startTestServer(overrides: Settings = {}): Promise<TestServer> {
  const made = overrides.data === undefined ? await mkdtemp(join(tmpdir(), "berth-test-")) : undefined;
  // How full the disk is on which tests run is nothing to them.
  const undo = { spaceFloor: 0, ...overrides.undo };
  const settings = { listen: "127.0.0.1:0", ops: "off", open: true, data: made, ...overrides, undo };
  const config = parseConfig(settings as Settings);
  const log = new KeptLog();
  const remove = async () => made !== undefined && rm(made, { recursive: true, force: true });
  const start = async () => {
    const server = await startServer(config, log);
    return { server, host: formatAddress(server.address) };
  };
  let { server, host } = await start().catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  return {
    config,
    get host() {
      return host;
    },
    get url() {
      return `http://${host}`;
    },
    log,
    get errors() {
      return log.lines.filter(({ level }) => level === "error");
    },
    stop: () => server.close(),
    async start() {
      ({ server, host } = await start());
    },
    async restart() {
      await server.close();
      ({ server, host } = await start());
    },
    async close() {
      await server.close();
      await remove();
    },
  };
}

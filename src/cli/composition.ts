import type { Config } from "../config.ts";
import type { Address, Log } from "../lib/index.ts";

/** What the commands need of the layer above them; loaded when asked for. */
export interface Composition {
  /** Of this program. */
  readonly version: string;
  /** Rejects when the settings do not allow it, or what it needs cannot be had. */
  startServer(
    config: Config,
    log: Log,
  ): Promise<{
    readonly address: Address;
    close(): Promise<void>;
  }>;
  /** Brings the schema up to date; resolves with the names of the steps that were run. */
  migrate(config: Config): Promise<readonly string[]>;
}

import type { Caller } from "../../../access/index.ts";
import type { Registry } from "../../../registry/index.ts";
import type { EcrAccount } from "../accounts.ts";

/** One call about a key. */
export interface KmsCall<I = unknown> {
  readonly registry: Registry;
  readonly caller: Caller;
  readonly account: EcrAccount;
  readonly region: string;
  readonly input: I;
  /** Milliseconds since 1970. */
  readonly now: number;
}

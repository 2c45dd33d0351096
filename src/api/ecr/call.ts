import type { Caller } from "../../access/index.ts";
import type { Jobs } from "../../jobs/index.ts";
import type { Registry } from "../../registry/index.ts";
import type { Traffic } from "../http/index.ts";
import type { EcrAccount, EcrSettings } from "./accounts.ts";
import type { InputOf, OperationName } from "./model/inputs.ts";

/** What the operations work with. */
export interface Ecr {
  readonly registry: Registry;
  readonly jobs: Jobs;
  readonly settings: EcrSettings;
  /** What one principal may ask, together with what it asks below `/v2/`. */
  readonly traffic: Traffic;
}

/** One call: who asks, what, and of which registry. */
export interface EcrCall<K extends OperationName = OperationName> {
  readonly ecr: Ecr;
  readonly registry: Registry;
  readonly jobs: Jobs;
  readonly operation: K;
  readonly caller: Caller;
  readonly account: EcrAccount;
  /** Of the credential's scope. */
  readonly region: string;
  /** What the client calls this registry. */
  readonly outside: { readonly scheme: "http" | "https"; readonly host: string };
  readonly input: InputOf<K>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

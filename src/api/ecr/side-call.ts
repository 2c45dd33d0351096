import type { Caller } from "../../access/index.ts";
import type { Registry } from "../../registry/index.ts";
import type { EcrAccount } from "./accounts.ts";
import type { Shape } from "./model/shape.ts";

/** One call of another service that clients of ECR make beside it. */
export interface SideCall<I = unknown> {
  readonly registry: Registry;
  readonly caller: Caller;
  readonly account: EcrAccount;
  readonly region: string;
  readonly input: I;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface SideOperation<I> {
  /** @throws EcrError, RegistryError */
  run(call: SideCall<I>): Promise<object>;
  /** It changes something: a registry that is read-only refuses it. */
  readonly writes: boolean;
}

/** Another service of which some operations are served. */
export interface Neighbour {
  /** As signatures and actions name it. */
  readonly name: "kms" | "secretsmanager";
  /** Type of the error for what the model of its inputs does not allow. */
  readonly invalid: "ValidationException" | "InvalidParameterException";
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly operations: Readonly<Record<string, SideOperation<never>>>;
}

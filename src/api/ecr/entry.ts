import type { EcrCall } from "./call.ts";
import type { OperationName } from "./model/inputs.ts";

interface Common {
  /** Bytes of a call's body at most, where that is more than for others. */
  readonly bodyLimit?: number;
  /** Type of the error for an input that the model does not allow; InvalidParameterException where nothing is said. */
  readonly invalid?: "ValidationException";
}

/** An operation that is served, with what it does; or one that is refused, with an error of its model and the reason. */
export type Entry<K extends OperationName> = Common &
  (
    | {
        /** Answers with the members of its output; those that are undefined are absent. @throws EcrError, RegistryError */
        run(call: EcrCall<K>): Promise<object> | object;
        /** It changes something: a registry that is read-only refuses it. */
        readonly writes: boolean;
        /** What is enforced, for the guide. */
        readonly about: string;
      }
    | {
        /** Type of the error. */
        readonly refused: string;
        /** Why, for the guide and the error's message. */
        readonly reason: string;
      }
  );

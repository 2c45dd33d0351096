import type { OperationName } from "../../../src/api/ecr/model/inputs.ts";
import type { ComparedAnswer, Difference } from "../compare-answers.ts";
import { pool, poolIndex } from "../ecr-sequence.ts";
import type { SequenceCall } from "../ecr-sequence.ts";

/** A difference, and all that is known of where it was seen. */
export interface Seen {
  readonly call: SequenceCall;
  readonly difference: Difference;
  readonly moto: ComparedAnswer;
  readonly berth: ComparedAnswer;
}

/** A difference that is known: of which operations, when, and why. Nothing else explains one. */
export interface KnownDifference {
  readonly operations: readonly OperationName[] | "every operation";
  readonly when: string;
  readonly moto: string;
  readonly berth: string;
  readonly reason: string;
  readonly members: readonly string[];
  /** Whether it is this one. */
  readonly holds: (seen: Seen) => boolean;
  /** The two hold other things from then on: what is compared is made anew. */
  readonly apart?: "repository" | "registry";
}

export const typeOf = ({ body }: ComparedAnswer): string => (body as { readonly __type?: string } | null)?.__type ?? "";
export const messageOf = ({ body }: ComparedAnswer): string =>
  (body as { readonly message?: string } | null)?.message ?? "";
export const broke = ({ status }: ComparedAnswer) => status === 500;
export const refusal = ["(answer)", "__type", "message"];
export const answer = ["(answer)"];
export const error = ["__type", "message"];

export const wrongName = ({ call: { input } }: Seen) =>
  [input.repositoryName, input.resourceArn?.split("repository/")[1], ...(input.repositoryNames ?? [])].some((name) =>
    ["Upper", "a"].includes(name),
  );
export const idsOf = ({ call: { input } }: Seen): { imageDigest?: string; imageTag?: string }[] =>
  input.imageIds ?? (input.imageId === undefined ? [] : [input.imageId]);
export const heldBefore = ({ call: { before, input } }: Seen) =>
  before.get(input.repositoryName) ?? new Map<string, Set<string>>();
export const excludes = (status: string | undefined, tagged: boolean) => status === (tagged ? "UNTAGGED" : "TAGGED");
export const imageOf = (digest: string | undefined) => [...pool, poolIndex].find((one) => one.digest === digest);
export const listed = ({ body }: ComparedAnswer): any[] => (body as { images?: any[] }).images ?? [];
export const otherAccount = ({ call: { input } }: Seen) => input.registryId === "210987654321";

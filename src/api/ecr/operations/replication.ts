import { findEcrConfiguration, putEcrConfiguration } from "../../../registry/index.ts";
import { placeOf } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { invalidParameter } from "../errors.ts";
import type { InputOf } from "../model/inputs.ts";
import { getNamedImage } from "../named-image.ts";

type Replication = InputOf<"PutReplicationConfiguration">["replicationConfiguration"];

/** Registries that all rules together name, at most. */
const destinationLimit = 25;

/** The account, and where its images are to go: no rule where nobody has set any. */
export async function describeRegistry(call: EcrCall<"DescribeRegistry">): Promise<object> {
  const { registry, caller, account } = call;
  const kept = await findEcrConfiguration(registry, caller, placeOf(call), "replication");
  const replicationConfiguration: Replication = (kept as Replication | undefined) ?? { rules: [] };
  return { registryId: account.id, replicationConfiguration };
}

/** All rules are replaced; what is set is kept in its order. */
export async function putReplicationConfiguration(call: EcrCall<"PutReplicationConfiguration">): Promise<object> {
  const { registry, caller, input } = call;
  const { replicationConfiguration } = input;
  checkDestinations(call, replicationConfiguration);
  await putEcrConfiguration(registry, caller, placeOf(call), "replication", replicationConfiguration);
  return { replicationConfiguration };
}

function checkDestinations({ account, region }: EcrCall, { rules }: Replication): void {
  const all = rules.flatMap(({ destinations }) => destinations);
  const places = new Set(all.map((one) => `${one.region} ${one.registryId.padStart(12, "0")}`));
  if (places.has(`${region} ${account.id}`)) {
    throw invalidParameter(
      "replicationConfiguration",
      "Replication destination cannot be the same as the source registry",
    );
  }
  if (places.size <= destinationLimit) return;
  throw invalidParameter("replicationConfiguration", `must name at most ${destinationLimit} destinations in all rules`);
}

/** Nothing is replicated: an image that is there is under way nowhere. */
export async function describeImageReplicationStatus(call: EcrCall<"DescribeImageReplicationStatus">): Promise<object> {
  return { ...(await getNamedImage(call)), replicationStatuses: [] };
}

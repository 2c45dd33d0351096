import { isDigest } from "../../../oci/index.ts";
import { listReferrers, requireRepository } from "../../../registry/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { invalidParameter } from "../errors.ts";
import { findStatus } from "../images.ts";
import { makePageToken, pageSize, readPageToken } from "../page-token.ts";

/** Entries of a page where the client does not say. */
const standardPage = 20;

/** As the Distribution API describes one. */
interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * What refers to a digest, by digest: the list of the Distribution API. A digest that no image has is one to which nothing refers.
 * @throws EcrError InvalidParameterException where the subject is no digest
 */
export async function listImageReferrers(call: EcrCall<"ListImageReferrers">): Promise<object> {
  const { registry, caller, account, input } = call;
  const name = nameWithin(account, input.repositoryName);
  const subject = input.subjectId.imageDigest;
  if (!isDigest(subject)) throw invalidParameter("subjectId", "must be the digest of a manifest");
  const after = readPageToken(call) ?? "";
  const status = findStatus(input.filter?.artifactStatus);
  const limit = pageSize(call, standardPage);
  const wanted = { subject, types: input.filter?.artifactTypes ?? [], after, limit, status: status ?? "ANY" };
  // The Distribution API lists nothing for a repository that is not there.
  await requireRepository(registry, caller, "pull", name);
  const { descriptors, archived, next } = await listReferrers(registry, caller, name, wanted);
  if (status === undefined) return { referrers: [] };
  return {
    referrers: descriptors.map((text, at) => show(JSON.parse(text) as Descriptor, archived.has(at))),
    nextToken: next === undefined ? undefined : makePageToken(call, next),
  };
}

function show({ digest, mediaType, artifactType, size, annotations }: Descriptor, archived: boolean): object {
  return { digest, mediaType, artifactType, size, annotations, artifactStatus: archived ? "ARCHIVED" : "ACTIVE" };
}
